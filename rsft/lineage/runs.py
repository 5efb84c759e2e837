"""Reading runs from their tags: of a thousand within a second, without DVC or MLflow.

What a run says of itself is one JSON document in its tag's tree, beside the ``dvc.lock`` that it
repeats: parsing a thousand locks takes minutes. That the two agree is for the audit to prove.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsft.errors import LineageError
from rsft.lineage.git import read_blobs, run_git
from rsft.lineage.pipeline import OutRecord
from rsft.lineage.tagging import is_wrong, read_time
from rsft.lineage.workspace import Workspace

RUN_TAGS = "run/"
"""What the names of runs' tags begin with."""

MANIFEST = ".rsft/manifest.json"
"""What a run says of itself, in its tag's tree; git ignores that folder in a checkout."""

_TOGETHER = 100
"""Manifests read at once, where one of the latest will do: most of the time goes into them."""

_read_before: dict[str, "RunRecord"] = {}
"""Runs by the hash of their tag, under which nothing can change. At a run's end pushing,
registering, judging and the audit ask for them all, and parsing a thousand takes half a second."""

_FIELDS = "%00".join(
    f"%({name})"
    for name in (
        "refname:strip=2",
        "objecttype",
        "*objectname",
        "taggerdate:iso-strict",
        "taggername",
        "taggeremail:trim",
        "objectname",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """A stage as a run recorded it."""

    deps: Mapping[str, str]
    """Hash by path of each dependency; settings by ``params.yaml:<key>``, as text."""
    outs: Mapping[str, OutRecord]
    """Record by path of each output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run's tag says."""

    tag: str
    """``run/<run_id>``."""
    run_id: str
    """The run."""
    commit: str
    """The commit it points at: code, settings, ``dvc.lock`` and manifest."""
    tagged_at: str
    """When, in ISO 8601."""
    tagged_by: str
    """Who: name and address."""
    manifest: Mapping[str, Any]
    """What the run says of itself (``rsft.runs.manifest``)."""

    @property
    def stages(self) -> dict[str, StageRecord]:
        """Its stages, in the order in which they ran."""
        return {
            name: StageRecord(
                deps=stage["deps"],
                outs={path: OutRecord(**out) for path, out in stage["outs"].items()},
            )
            for name, stage in self.manifest["stages"].items()
        }


def read_runs(workspace: Workspace) -> list[RunRecord]:
    """All runs that this checkout has tags of, the oldest first."""
    tags = _tags(workspace, f"refs/tags/{RUN_TAGS}")
    new = [fields for fields in tags if fields[-1] not in _read_before]
    hashes = {fields[0]: fields[-1] for fields in new}
    _read_before.update((hashes[run.tag], run) for run in _read(workspace, new))
    return [_read_before[fields[-1]] for fields in tags if fields[-1] in _read_before]


def spoilt_runs(workspace: Workspace) -> list[str]:
    """Tags of runs whose manifest is none: ``read_runs`` and the like leave them out."""
    tags = _tags(workspace, f"refs/tags/{RUN_TAGS}")
    sound = {run.tag for run in read_runs(workspace)}  # later than the tags: one may end meanwhile
    commits = {fields[0]: fields[2] for fields in tags if fields[0] not in sound}
    blobs = read_blobs(workspace.root, [f"{commit}:{MANIFEST}" for commit in commits.values()])
    return [tag for tag, blob in zip(commits, blobs, strict=True) if blob is not None]


def latest_runs(workspace: Workspace, naming: str) -> Iterator[RunRecord]:
    """Runs whose manifests have a text somewhere, the latest first, read as they are asked for.

    Those of a clock that was far ahead come last: which of the others they came before is not told.

    Args:
        workspace: A checkout that has the tags.
        naming: The text.
    """
    tags = _tags(workspace, f"refs/tags/{RUN_TAGS}")[::-1]
    for start in range(0, len(tags), _TOGETHER):
        yield from _read(workspace, tags[start : start + _TOGETHER], naming)


def read_run(workspace: Workspace, run: str) -> RunRecord:
    """What a run's tag says.

    Args:
        workspace: A checkout that has the tag.
        run: The run's id, or its tag.

    Raises:
        LineageError: Where there is no such tag in this checkout, or it is no run's.
    """
    tag = f"{RUN_TAGS}{run.removeprefix(RUN_TAGS)}"
    tags = [fields for fields in _tags(workspace, f"refs/tags/{tag}") if fields[0] == tag]
    found = _read(workspace, tags)
    if not found:
        raise LineageError(
            f"{tag!r} is no run of this checkout; `git fetch --tags` brings others' runs"
        )
    return found[0]


def read_tagged(workspace: Workspace, run: RunRecord, path: str) -> bytes:
    """A file of a run's tag, as it was.

    Raises:
        LineageError: Where the tag has none.
    """
    (content,) = read_files(workspace, [(run, path)])
    if content is None:
        raise LineageError(f"{run.tag} pins no {path}; commit one, and `rsft run` again")
    return content


def read_files(workspace: Workspace, files: Sequence[tuple[RunRecord, str]]) -> list[bytes | None]:
    """Files of runs as their tags have them, by one git; None where a tag has no such file."""
    return read_blobs(workspace.root, [f"{run.commit}:{path}" for run, path in files])


def _tags(workspace: Workspace, pattern: str) -> list[list[str]]:
    """The fields of each annotated tag, the oldest first; before them those of a wrong clock.

    Else such a run would be the latest one for as long as the clock was ahead.
    """
    listed = run_git(
        workspace.root, "for-each-ref", f"--format={_FIELDS}", "--sort=taggerdate", pattern
    )
    # Names of tags and of people may hold what else ends a line.
    tags = [line.split("\0") for line in listed.split("\n") if line]
    annotated = [fields for fields in tags if fields[1] == "tag"]
    return sorted(annotated, key=lambda fields: _is_dated(fields[3]))


def _is_dated(told: str) -> bool:
    time = read_time(told)
    return time is not None and not is_wrong(time)


def _read(workspace: Workspace, tags: Sequence[Sequence[str]], naming: str = "") -> list[RunRecord]:
    """The records of tags that have a manifest with a text in it."""
    blobs = read_blobs(workspace.root, [f"{fields[2]}:{MANIFEST}" for fields in tags])
    sought = json.dumps(naming)[1:-1].encode()
    return [
        _record(fields, manifest)
        for fields, blob in zip(tags, blobs, strict=True)
        if blob and sought in blob and (manifest := _manifest(blob)) is not None
    ]


def _manifest(blob: bytes) -> Mapping[str, Any] | None:
    """What a tag's manifest says; None where it is none: tags are fetched from others."""
    try:
        told = json.loads(blob)
        stages, inputs = told["stages"].values(), told.get("inputs", {})
        model, settings = told.get("model", {}), told.get("params", {}).get("register", {})
        outs = [*(out for stage in stages for out in stage["outs"].values()), *inputs.values()]
        paths = [*(path for stage in stages for path in stage["outs"]), *inputs, *model.values()]
        is_one = all(out.keys() == {"hash", "size", "files"} for out in outs) and all(
            isinstance(text, str)
            for text in (
                *(out["hash"] for out in outs),
                *(md5 for stage in stages for md5 in stage["deps"].values()),
            )
        )
        is_one = is_one and isinstance(settings, dict) and all(map(_is_inside, paths))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return told if is_one else None


def _is_inside(path: str) -> bool:
    """Whether a path, or a hash, cannot lead out of the folder that data are laid out in."""
    return not path.startswith("/") and ".." not in path.split("/")


def _record(fields: Sequence[str], manifest: Mapping[str, Any]) -> RunRecord:
    tag, _, commit, tagged_at, name, address, _ = fields
    return RunRecord(
        tag=tag,
        run_id=tag.removeprefix(RUN_TAGS),
        commit=commit,
        tagged_at=tagged_at,
        tagged_by=f"{name} <{address}>",
        manifest=manifest,
    )
