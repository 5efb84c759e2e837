"""What a model version, a run or a data set came from: back to every data set, told from git alone.

A run's tag says what it did, the record what became of its model. Nothing of it is proven here:
that is what the audit is for.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from rsft.addresses import hide_secrets
from rsft.lineage import Entry, RunRecord, Workspace, in_service, read_record
from rsft.registry import CHALLENGER, CHAMPION
from rsft.runs.subjects import Subject

_TOLD = (
    *("changed", "flow_run_id", "began_at", "ended_at", "seed", "base", "params", "environment"),
    *("scorers", "policy", "expectations", "monitors", "sources", "figures"),
)
"""What the manifest says of a run and the origin repeats."""


def trace_origin(workspace: Workspace, subject: Subject) -> dict[str, Any]:
    """The origin of what was named, as one JSON document.

    Returns:
        ``subject`` (its path or model, version, aliases, hash), the run with its git tag and
        commits, what the manifest says of it, the ``record`` of its versions, and ``stages`` by
        name: ``is_origin`` (whether the subject came from it), ``outs`` ({hash, size, files,
        rows}), ``data`` ({hash, of (the stage that made it, or null)}), ``code`` and ``settings``.
    """
    run = subject.run
    told = run.manifest
    path = subject.dataset or told["model"]["path"]
    origins = _origins(told["stages"], path)
    return {
        "subject": _subject(workspace, subject, path),
        "run_id": run.run_id,
        "git_tag": run.tag,
        "git_commit": run.commit,
        "head": told["head"],
        "edited": told["edited"],
        "made_at": run.tagged_at,
        "made_by": run.tagged_by,
        **{key: hide_secrets(told[key]) for key in _TOLD},
        "record": [_entry(entry) for entry in _entries(workspace, run)],
        "inputs": told["inputs"],
        "stages": {
            name: {"is_origin": name in origins, **_stage(told, name)} for name in told["stages"]
        },
    }


def _subject(workspace: Workspace, subject: Subject, path: str) -> dict[str, Any]:
    """What was named: a version, a run's model, or a data set."""
    told = subject.run.manifest
    outs = [out for stage in told["stages"].values() for out in stage["outs"].items()]
    found: dict[str, Any] = {"path": path, **dict([*outs, *told["inputs"].items()])[path]}
    found |= {"rows": _rows(told["rows"], path)}
    if subject.version is not None:
        name, version = subject.version.name, subject.version.version
        aliases = _aliases(read_record(workspace, name), name, version)
        found |= {"model": name, "version": version, "aliases": aliases}
    return found


def _aliases(record: list[Entry], name: str, version: int) -> list[str]:
    """What a version is called: the one in service, and the latest where it is another."""
    serving = in_service(record, name)
    if serving is not None and serving.version == version:
        return [CHAMPION]
    latest = max(entry.version for entry in record if entry.kind == "registered")
    return [CHALLENGER] if latest == version else []


def _entries(workspace: Workspace, run: RunRecord) -> list[Entry]:
    """The record of the versions that a run's model was registered as, the oldest first."""
    record = read_record(workspace)
    ours = {
        (e.name, e.version) for e in record if e.kind == "registered" and e.commit == run.commit
    }
    return [entry for entry in record if (entry.name, entry.version) in ours]


def _entry(entry: Entry) -> dict[str, Any]:
    names = ("kind", "name", "version", "at", "by", "tag")
    return {name: getattr(entry, name) for name in names} | dict(entry.details)


def _stage(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    stage = told["stages"][name]
    data, settings, code = {}, {}, {}
    for path, hash_ in stage["deps"].items():
        if path.startswith("params.yaml:"):
            settings[path.removeprefix("params.yaml:")] = hash_
        elif path.startswith("data/"):
            data[path] = {"hash": hash_, "of": _maker(told["stages"], path)}
        else:
            code[path] = hash_
    rows = told["rows"]
    return {
        "outs": {path: out | {"rows": _rows(rows, path)} for path, out in stage["outs"].items()},
        "data": data,
        "code": code,
        "settings": settings,
    }


def _rows(rows: Mapping[str, int], path: str) -> dict[str, int]:
    """Rows of the tables in an output, by their path in it; by ``.`` where it is one table."""
    return {
        str(PurePosixPath(table).relative_to(path)): count
        for table, count in rows.items()
        if PurePosixPath(table).is_relative_to(path)
    }


def _maker(stages: Mapping[str, Any], path: str) -> str | None:
    """The stage that made a path, or the folder that it lies in; null where the user brought it."""
    places = {path, *map(str, PurePosixPath(path).parents)}
    return next((name for name, stage in stages.items() if places & stage["outs"].keys()), None)


def _origins(stages: Mapping[str, Any], path: str) -> set[str]:
    """The stages that a path came from, directly or not."""
    found: set[str] = set()
    left = [path]
    while left:
        name = _maker(stages, left.pop())
        if name is not None and name not in found:
            found.add(name)
            left += stages[name]["deps"]
    return found
