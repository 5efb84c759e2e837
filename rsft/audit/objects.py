"""Whether the objects that runs name are there and are what their names say, wherever kept.

Each is hashed once in each place, however many runs name it.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rsft.audit.case import Case, DataSets
from rsft.audit.findings import Findings, Hashing
from rsft.errors import LineageError
from rsft.lineage import CACHE, Hashed, PurgeRecord, Store, hash_objects, is_folder
from rsft.types import Progress

_SOUND_ELSEWHERE = {
    True: "remove that file; `dvc fetch --all-tags` brings the sound one of the remote",
    False: "remove it there; `dvc push --all-tags` brings the sound one of the cache",
}
"""By whether it is the cache that is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An object that runs name."""

    path: str
    """Where in the workspace it lies."""
    runs: list[str] = field(default_factory=list)
    """Tags of the runs, the oldest first; shared by the objects of a data set."""

    def __str__(self) -> str:
        more = f" and {len(self.runs) - 1} more" if len(self.runs) > 1 else ""
        return f"{self.runs[0]}{more}: {self.path}"


def claims_of(cases: Sequence[Case], datasets: DataSets) -> dict[str, Claim]:
    """The objects that runs name: outputs, and the files in them."""
    claims: dict[str, Claim] = {}
    runs_of: dict[str, list[str]] = {}
    for case in cases:
        for path, md5 in case.outs.items():
            if md5 not in runs_of:
                runs_of[md5] = []
                for name, member in _objects(path, md5, datasets):
                    claims.setdefault(member, Claim(path=name, runs=runs_of[md5]))
            if case.run.tag not in runs_of[md5][-1:]:  # a run may hand on what it was handed
                runs_of[md5].append(case.run.tag)
    return claims


def check_objects(
    claims: Mapping[str, Claim],
    stores: Sequence[Store],
    purges: Mapping[str, PurgeRecord],
    findings: Findings,
    progress: Progress,
) -> None:
    """Hashes every object again in every store.

    Args:
        claims: Claim by name of each object.
        stores: The cache, and the remote where there is one.
        purges: By name of each object that was deleted on purpose, its record.
        findings: Where it is told.
        progress: Told how many are done.
    """
    found = {store.name: _hash(store, claims, findings, progress) for store in stores}
    absent: dict[str, list[str]] = {store.name: [] for store in stores}
    for md5, claim in claims.items():
        here = {name: hashed[md5] for name, hashed in found.items()}
        if md5 in purges:
            _check_purged(md5, claim, here, purges[md5], findings)
            continue
        findings.checked["object"] += len(here)
        _check_sound(md5, claim, here, stores, findings)
        lost = [name for name, hashed in here.items() if _is_absent(hashed)]
        if len(lost) < len(here):
            for name in lost:
                absent[name].append(md5)
    for name, missing in absent.items():
        _note_absent(name, missing, claims, findings)


def _objects(path: str, md5: str, datasets: DataSets) -> Iterator[tuple[str, str]]:
    """Path and name of each object of a data set: itself, and the files where it is a folder."""
    yield path, md5
    if is_folder(md5):
        try:
            members = datasets.files(md5)
        except LineageError:
            return  # the list itself is hashed, and found to be missing or damaged
        for name, member in members.items():
            yield f"{path}/{name}", member


def _hash(
    store: Store, claims: Mapping[str, Claim], findings: Findings, progress: Progress
) -> dict[str, Hashed]:
    started = time.perf_counter()
    hashed = hash_objects(store, claims, progress)
    findings.hashed.append(
        Hashing(
            place=store.name,
            objects=sum(each.hash is not None for each in hashed.values()),
            bytes=sum(each.size for each in hashed.values()),
            seconds=time.perf_counter() - started,
        )
    )
    return hashed


def _check_sound(
    md5: str,
    claim: Claim,
    here: Mapping[str, Hashed],
    stores: Sequence[Store],
    findings: Findings,
) -> None:
    expected = md5.removesuffix(".dir")
    sound = [name for name, hashed in here.items() if hashed.hash == expected]
    anew = f"`rsft replay --restore {claim.runs[0]}` makes it anew, unless you brought it"
    for store in stores:
        hashed = here[store.name]
        if hashed.hash == expected or _is_absent(hashed):
            continue
        read = f"MD5 {hashed.hash}" if hashed.hash else f"unreadable ({hashed.error})"
        findings.add(
            "object",
            str(claim),
            expected=f"MD5 {expected}",
            found=f"{read} in the {store.name}, {store.place(md5)}",
            remedy=_SOUND_ELSEWHERE[store.name == CACHE] if sound else f"remove it; {anew}",
        )
    if all(map(_is_absent, here.values())):
        places = " nor the ".join(here)
        findings.add(
            "object",
            str(claim),
            expected=f"MD5 {expected}",
            found=f"nothing in the {places}: {md5}" if len(here) == 1 else f"neither {places}",
            remedy=f"bring it back from a copy, or {anew}",
        )


def _check_purged(
    md5: str, claim: Claim, here: Mapping[str, Hashed], purge: PurgeRecord, findings: Findings
) -> None:
    kept = [name for name, hashed in here.items() if not _is_absent(hashed)]
    told = f"purged by record, {purge.tag}: {purge.reason}"
    if kept:
        findings.checked["object"] += 1
        findings.add(
            "object",
            str(claim),
            expected=told,
            found=f"object {md5} in the {' and the '.join(kept)}",
            remedy="`rsft forget … --purge` deletes it there",
        )
    else:
        findings.note("object", str(claim), expected=told, found="purged by record", remedy="none")


def _note_absent(
    name: str, missing: Sequence[str], claims: Mapping[str, Claim], findings: Findings
) -> None:
    if missing:
        findings.note(
            "object",
            f"{len(missing)} objects, the first {missing[0]} of {claims[missing[0]]}",
            expected=f"a copy in the {name} too",
            found=f"none in the {name}",
            remedy="`dvc fetch --all-tags`" if name == CACHE else "`dvc push --all-tags`",
        )


def _is_absent(hashed: Hashed) -> bool:
    return hashed.hash is None and hashed.error is None
