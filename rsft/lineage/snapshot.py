"""Pinning runs as annotated git tags ``run/<run_id>``: code, settings, ``dvc.lock``, as they ran.

The tree is written through an index of its own, so that the user's branch, index and files stay as
they are. It holds what git tracks, edits included, modules that are new, ``dvc.lock``, and what the
run says of itself (``MANIFEST``); never stray files, which may be secrets. Tags, unlike other refs,
keep their data through ``dvc gc --all-tags``.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsft.errors import WorkspaceError
from rsft.lineage.git import run_git
from rsft.lineage.runs import MANIFEST, RUN_TAGS
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


def tag_run(workspace: Workspace, run_id: str, manifest: Mapping[str, Any]) -> Snapshot:
    """Pins a run.

    Args:
        workspace: Where it ran.
        run_id: Unique among the runs.
        manifest: What the run says of itself, for ``MANIFEST`` in the tag's tree.

    Raises:
        WorkspaceError: Where there is no commit yet, or no ``dvc.lock``.
    """
    root = workspace.root
    lock = root / "dvc.lock"
    if not lock.exists():
        raise WorkspaceError(f"{root}: no dvc.lock to pin; run the stages first")
    identity = tagger(root)
    try:
        head = run_git(root, "rev-parse", "--verify", "HEAD")
    except WorkspaceError:
        raise WorkspaceError(f"{root}: no commit yet; commit the project, then run again") from None
    document = json.dumps(dict(manifest), indent=1, ensure_ascii=False)
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run_git(root, "read-tree", "HEAD", environment=index)
        run_git(root, "add", "--update", environment=index)
        run_git(root, "add", "--force", "--", "dvc.lock", *_new_files(root), environment=index)
        blob = run_git(root, "hash-object", "-w", "--stdin", given=document)
        entry = f"100644,{blob},{MANIFEST}"
        run_git(root, "update-index", "--add", "--cacheinfo", entry, environment=index)
        tree = run_git(root, "write-tree", environment=index)
    title = f"Retraining run {run_id}"
    commit = run_git(root, "commit-tree", tree, "-p", head, "-m", title, environment=identity)
    tag = f"{RUN_TAGS}{run_id}"
    run_git(root, "tag", "--annotate", tag, commit, "-m", title, environment=identity)
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return Snapshot(tag=tag, commit=commit, lock_sha256=digest)


def _new_files(root: Path) -> list[str]:
    """What belongs to the run and HEAD does not have: files added since, and new modules."""
    added = run_git(root, "diff-index", "-z", "--name-only", "--diff-filter=A", "HEAD")
    modules = run_git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", *_MODULES)
    return [f":(literal){name}" for name in f"{added}\0{modules}".split("\0") if name]


def tagger(root: Path) -> dict[str, str]:
    """Variables that say who is at work, where git does not know."""
    try:
        for role in ("AUTHOR", "COMMITTER"):
            run_git(root, "var", f"GIT_{role}_IDENT")
    except WorkspaceError:
        return _ANONYMOUS
    return {}
