"""Pinning runs as annotated git tags ``run/<run_id>``: code, settings, ``dvc.lock``, as they ran.

The tree is written through an index of its own, so that the user's branch, index and files stay as
they are. It holds what git tracks, edits included; of the rest only what is declared: modules,
pointers to data, files that a stage depends on; ``dvc.lock``; what the run says of itself
(``MANIFEST``); and a pointer to what the user brought (``INPUTS``). Never stray files, which may be
secrets. Tags, unlike other refs, keep their data through ``dvc gc --all-tags``.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rsft.errors import WorkspaceError
from rsft.lineage.git import run_git
from rsft.lineage.pipeline import OutRecord
from rsft.lineage.runs import MANIFEST, RUN_TAGS
from rsft.lineage.tagging import annotate, next_time, read_time, tagger
from rsft.lineage.workspace import LOCK, Workspace

_DECLARED = (
    ":(glob)rsft/**/*.py",
    ":(glob)rsft/**/*.json",
    ":(glob)flows/**/*.py",
    ":(glob)data/**/*.dvc",
    "dvc.yaml",
    "params.yaml",
    "mlflow/policy.yaml",
)
"""What is part of a run whether git tracks it yet or not: code, settings, DVC's pointers."""

INPUTS = "data/inputs.dvc"
"""Pointer, in a tag's tree, to what the user brought: ``dvc gc`` keeps it, ``dvc pull`` brings it
to ``data/inputs``, beside what lies there now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run, pinned."""

    tag: str
    """``run/<run_id>``."""
    commit: str
    """The commit it points at."""
    lock_sha256: str
    """SHA-256 of its ``dvc.lock``."""


def tag_run(
    workspace: Workspace,
    run_id: str,
    manifest: Mapping[str, Any],
    inputs: Mapping[str, OutRecord] = MappingProxyType({}),
    changed: Callable[[], Sequence[str]] = tuple,
) -> Snapshot:
    """Pins a run.

    Args:
        workspace: Where it ran.
        run_id: Unique among the runs.
        manifest: What the run says of itself, for ``MANIFEST`` in the tag's tree; what the checkout
            was is added: ``head``, its commit, ``edited``, the paths that differ from it, and,
            unless it is in there, ``changed``, those that changed while it ran.
        inputs: What the user brought, by path, as it is in the cache.
        changed: Lists the last of these; it is asked when the files are in the tree, so that none
            comes into it changed and unmarked.

    Raises:
        WorkspaceError: Where there is no commit yet, no ``dvc.lock``, or no key to sign with,
            though git is set to sign tags.
    """
    root = workspace.root
    lock = root / LOCK
    if not lock.exists():
        raise WorkspaceError(f"{root}: no dvc.lock to pin; run the stages first")
    identity = tagger(root)
    try:
        head = run_git(root, "rev-parse", "--verify", "HEAD")
    except WorkspaceError:
        raise WorkspaceError(f"{root}: no commit yet; commit the project, then run again") from None
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run_git(root, "read-tree", "HEAD", environment=index)
        run_git(root, "add", "--update", environment=index)
        names = [f":(literal){name}" for name in _new_files(root, manifest)]
        run_git(root, "add", "--force", "--", LOCK, *names, environment=index)
        told = {"changed": list(changed()), **manifest}
        told |= {"head": head, "edited": _edited(root, head, index)}
        _write(root, index, MANIFEST, json.dumps(told, indent=1))
        if inputs:
            _write(root, index, INPUTS, _pointer(inputs))
        tree = run_git(root, "write-tree", environment=index)
    title = f"Retraining run {run_id}"
    commit = run_git(root, "commit-tree", tree, "-p", head, "-m", title, environment=identity)
    tag = f"{RUN_TAGS}{run_id}"
    # Without its end git signs the message, and no git reads that.
    annotate(root, tag, commit, f"{title}\n", at=next_time(_run_times(root)))
    workspace.recorded.unlink(missing_ok=True)  # a run has ended: what was cut off before is old
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return Snapshot(tag=tag, commit=commit, lock_sha256=digest)


def _run_times(root: Path) -> Iterator[datetime]:
    """When other runs were tagged: whoever asks for the latest run goes by that."""
    format_ = "--format=%(taggerdate:iso-strict)"
    listed = run_git(root, "for-each-ref", format_, f"refs/tags/{RUN_TAGS}")
    yield from filter(None, map(read_time, listed.split()))


def _write(root: Path, index: Mapping[str, str], path: str, text: str) -> None:
    """Puts a file into the tree that is not in the checkout."""
    blob = run_git(root, "hash-object", "-w", "--stdin", given=text)
    entry = f"100644,{blob},{path}"
    run_git(root, "update-index", "--add", "--cacheinfo", entry, environment=index)


def _pointer(inputs: Mapping[str, OutRecord]) -> str:
    """DVC's file that stands for data sets."""
    outs = [
        {"md5": out.hash, "size": out.size, "hash": "md5", "path": f"inputs/{path}"}
        | ({"nfiles": out.files} if out.hash.endswith(".dir") else {})
        for path, out in inputs.items()
    ]
    return json.dumps({"outs": outs}, indent=1)  # JSON is YAML


def _new_files(root: Path, manifest: Mapping[str, Any]) -> set[str]:
    """What belongs to the run and HEAD does not have: files added since, and declared ones."""
    added = run_git(root, "diff-index", "-z", "--name-only", "--diff-filter=A", "HEAD")
    found = run_git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", *_DECLARED)
    return {name for name in f"{added}\0{found}".split("\0") if name} | _files_asked(root, manifest)


def _files_asked(root: Path, manifest: Mapping[str, Any]) -> set[str]:
    """Files that stages depend on and none makes, such as a list that a setting names."""
    stages = manifest.get("stages", {}).values()
    made = {path for stage in stages for path in stage["outs"]}
    asked = {path for stage in stages for path in stage["deps"]}
    return {
        path
        for path in asked
        if (root / path).is_file() and not made & {path, *map(str, Path(path).parents)}
    }


def _edited(root: Path, head: str, index: Mapping[str, str]) -> list[str]:
    """Paths that are not as in HEAD, in the tree as it is to be; every run's lock aside."""
    asked = ("diff-index", "-z", "--cached", "--name-only", "--no-renames", head)
    names = run_git(root, *asked, environment=index).split("\0")
    return [name for name in names if name and name != LOCK]
