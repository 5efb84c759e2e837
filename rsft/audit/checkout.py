"""Whether the checkout is as the run left it that its data are of.

Not part of a run's proof, which rests on its tag: what is found here is what the next run, or a
person who reads ``data/``, would meet. What the user brought is the user's to change: that is told
as a note.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rsft.addresses import one_line
from rsft.audit.case import Case
from rsft.audit.files import files_below, hash_files
from rsft.audit.findings import Findings
from rsft.audit.settings import differing_settings
from rsft.config import PARAMS
from rsft.errors import LineageError
from rsft.lineage import LockedStage, PurgeRecord, load_yaml, parse_lock
from rsft.stages.contract import RUN_SUMMARY
from rsft.types import Progress

_LOCK = "dvc.lock"


def run_of_checkout(root: Path) -> str | None:
    """Tag of the run whose data a checkout holds; null where no run has ended in it."""
    try:
        tag = json.loads((root / RUN_SUMMARY).read_text(encoding="utf-8"))["tag"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(tag)


def check_checkout(
    root: Path,
    case: Case,
    purges: Mapping[str, PurgeRecord],
    findings: Findings,
    progress: Progress,
) -> None:
    """Holds lock, settings, inputs and data of a checkout against its run.

    Args:
        root: Its top folder.
        case: The run.
        purges: By hash of each object that was deleted on purpose, its record.
        findings: Where it is told.
        progress: Told how many files are hashed.
    """
    _check_lock(root, case, findings)
    _check_settings(root, case, findings)
    made = _made(root, case)
    here = [path for out in case.outs for path in _files(root, out)]
    hashed = hash_files("checkout", root, here, findings, progress)
    for path in sorted(made.keys() | hashed.keys()):
        found = hashed.get(path)
        if found is None and made.get(path) in purges:
            continue
        if found is not None and found in purges:
            _check_purged(path, purges[found], findings)
        _check_file(case, findings, path, expected=made.get(path), found=found)


def _check_lock(root: Path, case: Case, findings: Findings) -> None:
    try:
        lock = parse_lock((root / _LOCK).read_bytes(), name=_LOCK)
    except (OSError, LineageError) as error:
        found, remedy = str(error), _restore(case)
        _compare(case, findings, _LOCK, expected="a lock", found=found, remedy=remedy)
        return
    for name in case.stages:
        pinned, here = _facts(case.lock.get(name)), _facts(lock.get(name))
        for path in sorted(pinned.keys() | here.keys()):
            _compare(
                case,
                findings,
                f"{_LOCK}: stage {name}, {path}",
                expected=pinned.get(path),
                found=here.get(path),
                remedy=f"it was edited, or a later run did not end: {_restore(case)}",
            )


def _check_settings(root: Path, case: Case, findings: Findings) -> None:
    recorded = {
        key.removeprefix(f"{PARAMS}:"): value
        for stage in _locked(case)
        for key, value in stage.params.items()
    }
    try:
        settings = load_yaml((root / PARAMS).read_bytes())
    except (OSError, ValueError) as error:
        findings.add(
            "checkout",
            str(PARAMS),
            expected="the settings of the run",
            found=one_line(error),
            remedy=f"`git show {case.run.tag}:{PARAMS}` has them",
        )
        return
    findings.checked["checkout"] += len(recorded)
    for key, before, now in differing_settings(recorded, settings):
        findings.add(
            "checkout",
            f"{PARAMS}: {key}, with which {case.run.tag} ran",
            expected=str(before),
            found=str(now),
            remedy="it was edited since: run again, or put it back",
        )


def _check_file(
    case: Case, findings: Findings, path: str, *, expected: str | None, found: str | None
) -> None:
    if case.maker(path) not in case.run.manifest["inputs"]:
        remedy = f"it was changed by hand, or a later run did not end: {_restore(case)}"
        _compare(case, findings, path, expected=expected, found=found, remedy=remedy)
        return
    findings.checked["checkout"] += 1
    if expected != found:
        findings.note(
            "checkout",
            f"{path}, as {case.run.tag} read it",
            expected=expected or "nothing",
            found=found or "nothing",
            remedy="changed since; the next run reads it",
        )


def _check_purged(path: str, purge: PurgeRecord, findings: Findings) -> None:
    findings.add(
        "checkout",
        path,
        expected=f"purged by record, {purge.tag}: {purge.reason}",
        found="in the checkout still",
        remedy="remove it",
    )


def _made(root: Path, case: Case) -> dict[str, str]:
    """MD5 by path of each file among the outputs that are checked out."""
    made: dict[str, str] = {}
    for out, md5 in case.outs.items():
        try:
            files = case.datasets.files(md5) if (root / out).exists() else {}
        except LineageError:
            continue  # that the list is lost is a finding of the objects
        made |= {f"{out}/{name}" if name else out: found for name, found in files.items()}
    return made


def _files(root: Path, out: str) -> list[str]:
    if (root / out).is_file():
        return [out]
    return [f"{out}/{name}" for name in files_below(root / out)]


def _locked(case: Case) -> list[LockedStage]:
    return [case.lock[name] for name in case.stages.keys() & case.lock.keys()]


def _facts(stage: LockedStage | None) -> Mapping[str, str]:
    """Hash by path of what a stage read and made."""
    if stage is None:
        return {}
    return {path: record.hash for path, record in (stage.deps | stage.outs).items()}


def _compare(
    case: Case, findings: Findings, what: str, *, expected: Any, found: Any, remedy: str
) -> None:
    what = f"{what}, as {case.run.tag} left it"
    findings.compare("checkout", what, expected=expected, found=found, remedy=remedy)


def _restore(case: Case) -> str:
    return f"run again, or `git show {case.run.tag}:{_LOCK} > {_LOCK}` and `dvc checkout`"
