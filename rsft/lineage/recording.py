"""Writing the record (``rsft.lineage.record``): each entry once, however often it is tried.

GTO reads these tags; git writes them, since what GTO writes with does not sign.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from filelock import FileLock

from rsft.errors import LineageError
from rsft.lineage.git import run_git
from rsft.lineage.record import Entry, Kind, in_service, read_record
from rsft.lineage.runs import RunRecord
from rsft.lineage.tagging import next_time, write_tag
from rsft.lineage.workspace import Workspace


def record_registration(
    workspace: Workspace,
    *,
    name: str,
    version: int,
    run: RunRecord,
    model_hash: str,
    package_md5: str | None = None,
) -> Entry:
    """Records that a run's model is a version; once, however often it is called.

    Args:
        workspace: The checkout that has the run's tag.
        name: Of the registered model.
        version: Its version in MLflow.
        run: The run that made it.
        model_hash: DVC's hash of the model folder.
        package_md5: Hash of the list of what MLflow keeps beside it; null where it keeps nothing.

    Raises:
        LineageError: Where that version is on record as another model.
    """
    tag = f"{name}@v{version}.0.0"
    with _writing(workspace):
        found = _registration(read_record(workspace, name), version)
        if found is not None:
            if found.details.get("model_hash") == model_hash:
                return found
            raise LineageError(
                f"{name} version {version} is on record as the model {found.details['model_hash']} "
                f"of run {found.details['run_id']}, by {found.by}; one record goes with one "
                "registry: share its store by register.tracking_uri, or take another register.name"
            )
        title = f"Register {name} version {version}"
        document = {
            "kind": "registered",
            "version": version,
            "model_hash": model_hash,
            "package_md5": package_md5,
            "run_id": run.run_id,
        }
        return _write(workspace, tag, run.commit, title, document)


def record_verdict(
    workspace: Workspace, *, name: str, version: int, run: RunRecord, details: Mapping[str, Any]
) -> Entry:
    """Records what a gate said of a version; once, where it says the same again.

    Args:
        workspace: A checkout.
        name: Of the registered model.
        version: What was judged.
        run: The run whose model it is.
        details: As ``Entry.details`` says.

    Raises:
        LineageError: Where the version is not on record.
    """
    said = {**details, "run_id": run.run_id}
    with _writing(workspace):
        record = read_record(workspace, name)
        registered = _require_registered(record, name, version)
        verdicts = [e for e in record if e.kind == "judged" and e.version == version]
        last = max(verdicts, key=lambda entry: entry.number, default=None)
        if last is not None and last.details == json.loads(json.dumps(said)):
            return last
        folder = f"verdict/{name}/v{version}"
        tag = f"{folder}/{_next_number(workspace, f'{folder}/*')}"
        title = f"Judge {name} version {version}"
        document = {"kind": "judged", "version": version, **said}
        return _write(workspace, tag, registered.commit, title, document)


def record_promotion(
    workspace: Workspace, *, name: str, version: int, run: RunRecord, details: Mapping[str, Any]
) -> Entry:
    """Records that a version is the champion; once, where it is that already.

    Args:
        workspace: A checkout.
        name: Of the registered model.
        version: The new champion.
        run: The run whose model it is.
        details: As ``Entry.details`` says.

    Raises:
        LineageError: Where the version is not on record, or another than ``against`` serves by now.
    """
    return _record_change(workspace, "promoted", name, version, run, details)


def record_rollback(
    workspace: Workspace, *, name: str, version: int, run: RunRecord, details: Mapping[str, Any]
) -> Entry:
    """Records that an earlier champion serves again; once, where it is that already.

    Args:
        workspace: A checkout.
        name: Of the registered model.
        version: What served before the present champion (``before_champion``).
        run: The run whose model it is.
        details: As ``Entry.details`` says.

    Raises:
        LineageError: As of ``record_promotion``.
    """
    return _record_change(workspace, "rolled_back", name, version, run, details)


def _record_change(
    workspace: Workspace,
    kind: Kind,
    name: str,
    version: int,
    run: RunRecord,
    details: Mapping[str, Any],
) -> Entry:
    with _writing(workspace):
        record = read_record(workspace, name)
        registered = _require_registered(record, name, version)
        serving = in_service(record, name)
        if serving is not None and serving.version == version:
            return serving
        now = None if serving is None else serving.version
        if details["against"] != now:
            raise LineageError(
                f"{name} version {version}: it was compared with {_shown(details['against'])}, but "
                f"in service is {_shown(now)} by now; compare again"
            )
        tag = f"{name}#champion#{_next_number(workspace, f'{name}#champion#*')}"
        does = "Promote" if kind == "promoted" else "Roll back to"
        document = {"kind": kind, "version": version, **details, "run_id": run.run_id}
        return _write(
            workspace, tag, registered.commit, f"{does} {name} version {version}", document
        )


@contextmanager
def _writing(workspace: Workspace) -> Iterator[None]:
    """One writer at a time among the worktrees of a checkout, which share its tags."""
    folder = workspace.home / ".rsft"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "record.lock"):
        yield


def _write(
    workspace: Workspace, tag: str, commit: str, title: str, document: Mapping[str, Any]
) -> Entry:
    times = (datetime.fromisoformat(entry.at) for entry in read_record(workspace))
    write_tag(workspace.root, tag, commit, title, document, at=next_time(times))
    return next(entry for entry in read_record(workspace) if entry.tag == tag)


def _next_number(workspace: Workspace, pattern: str) -> int:
    """One more than the highest, of tags that are none of ours too."""
    listed = run_git(workspace.root, "tag", "--list", pattern)
    numbers = [line.rpartition("/" if "#" not in line else "#")[2] for line in listed.splitlines()]
    return 1 + max((int(number) for number in numbers if number.isdecimal()), default=0)


def _registration(record: Sequence[Entry], version: int) -> Entry | None:
    found = (e for e in record if e.kind == "registered" and e.version == version)
    return next(found, None)


def _require_registered(record: Sequence[Entry], name: str, version: int) -> Entry:
    found = _registration(record, version)
    if found is None:
        raise LineageError(
            f"{name} version {version} is not on record here; `git fetch --tags` brings what "
            "others registered, `rsft register` records what was left out"
        )
    return found


def _shown(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"
