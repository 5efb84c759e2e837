"""Runs as annotated git tags ``run/<run_id>``: code, settings and ``dvc.lock``, as they ran.

The tree is written through an index of its own, so that the user's branch, index and files stay as
they are. It holds what git tracks, edits included, modules that are new, and ``dvc.lock``; never
stray files, which may be secrets. Tags, unlike other refs, keep their data through ``dvc gc
--all-tags``.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from rsft.errors import LineageError, WorkspaceError
from rsft.lineage.git import run_git
from rsft.lineage.pipeline import OutRecord
from rsft.lineage.workspace import Workspace

_MODULES = (":(glob)rsft/**/*.py", ":(glob)flows/**/*.py")
"""Code that runs, whether git tracks it yet or not."""

_ANONYMOUS = {
    "GIT_AUTHOR_NAME": "rsft",
    "GIT_AUTHOR_EMAIL": "rsft@localhost",
    "GIT_COMMITTER_NAME": "rsft",
    "GIT_COMMITTER_EMAIL": "rsft@localhost",
}
"""Who tags where git does not know who is at work, as on a fresh machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run, pinned."""

    tag: str
    """``run/<run_id>``."""
    commit: str
    """The commit it points at."""
    lock_sha256: str
    """SHA-256 of its ``dvc.lock``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """A stage as ``dvc.lock`` records it."""

    deps: Mapping[str, str]
    """Hash by path of each dependency."""
    outs: Mapping[str, OutRecord]
    """Record by path of each output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run's tag says."""

    tag: str
    """The tag."""
    commit: str
    """The commit it points at."""
    tagged_at: str
    """When, in ISO 8601."""
    details: Mapping[str, Any]
    """What the run said of itself."""
    stages: Mapping[str, StageRecord]
    """Its stages, in the order of ``dvc.lock``."""


def tag_run(workspace: Workspace, run_id: str, title: str, details: Mapping[str, Any]) -> Snapshot:
    """Pins a run.

    Args:
        workspace: Where it ran.
        run_id: Unique among the runs.
        title: First line of the tag's message.
        details: Its body, as JSON.

    Raises:
        WorkspaceError: Where there is no commit yet, or no ``dvc.lock``.
    """
    root = workspace.root
    lock = root / "dvc.lock"
    if not lock.exists():
        raise WorkspaceError(f"{root}: no dvc.lock to pin; run the stages first")
    identity = _identity(root)
    try:
        head = run_git(root, "rev-parse", "--verify", "HEAD")
    except WorkspaceError:
        raise WorkspaceError(f"{root}: no commit yet; commit the project, then run again") from None
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run_git(root, "read-tree", "HEAD", environment=index)
        run_git(root, "add", "--update", environment=index)
        run_git(root, "add", "--force", "--", "dvc.lock", *_new_files(root), environment=index)
        tree = run_git(root, "write-tree", environment=index)
    commit = run_git(
        root, "commit-tree", tree, "-p", head, "-m", f"{title} {run_id}", environment=identity
    )
    tag = f"run/{run_id}"
    message = f"{title} {run_id}\n\n{json.dumps(dict(details), indent=2, sort_keys=True)}"
    run_git(root, "tag", "--annotate", tag, commit, "-m", message, environment=identity)
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return Snapshot(tag=tag, commit=commit, lock_sha256=digest)


def _new_files(root: Path) -> list[str]:
    """What belongs to the run and HEAD does not have: files added since, and new modules."""
    added = run_git(root, "diff-index", "-z", "--name-only", "--diff-filter=A", "HEAD")
    modules = run_git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", *_MODULES)
    return [f":(literal){name}" for name in f"{added}\0{modules}".split("\0") if name]


def read_run(workspace: Workspace, tag: str) -> RunRecord:
    """What a run's tag says.

    Raises:
        LineageError: Where there is no such tag in this checkout, or it is no run's.
    """
    root = workspace.root
    try:
        fields = "%(refname:strip=2) %(*objectname) %(taggerdate:iso-strict)"
        head = run_git(root, "for-each-ref", f"--format={fields}", f"refs/tags/{tag}")
        name, commit, tagged_at = head.split()
        if name != tag:
            raise ValueError(f"{tag!r} is a pattern")
        body = run_git(root, "for-each-ref", "--format=%(contents:body)", f"refs/tags/{tag}")
        lock = YAML(typ="safe").load(run_git(root, "show", f"{commit}:dvc.lock"))
        details = json.loads(body)
    except (WorkspaceError, ValueError):
        raise LineageError(
            f"git tag {tag!r} is no run of this checkout; `git fetch --tags` brings others' runs"
        ) from None
    return RunRecord(
        tag=tag,
        commit=commit,
        tagged_at=tagged_at,
        details=details,
        stages={name: _stage_record(stage) for name, stage in lock["stages"].items()},
    )


def _stage_record(stage: Mapping[str, Any]) -> StageRecord:
    return StageRecord(
        deps={dep["path"]: dep["md5"] for dep in stage.get("deps", ())},
        outs={
            out["path"]: OutRecord(hash=out["md5"], size=out["size"], files=out.get("nfiles", 1))
            for out in stage.get("outs", ())
        },
    )


def _identity(root: Path) -> dict[str, str]:
    try:
        for role in ("AUTHOR", "COMMITTER"):
            run_git(root, "var", f"GIT_{role}_IDENT")
    except WorkspaceError:
        return _ANONYMOUS
    return {}
