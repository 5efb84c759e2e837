"""Purging: every object that holds what is forgotten goes, and every copy of it at hand.

Models stay: what they learnt is in no object of its own. Which they are stands in the tag that
records the purge, for afterwards no table tells it; they are to be retrained. Of files in data/raw
that DVC versions, versions that a run read and that have been replaced since go too; those there
now are the user's. Not reached is what MLflow keeps of evaluations.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rsft.config import RAW
from rsft.lineage import Deleted, Workspace, list_worktrees, purge_objects, read_files
from rsft.rows.scanning import rows_of_prompts
from rsft.rows.tracing import RunTrace, Trace

_POINTED = re.compile(rb"\bmd5: ([0-9a-f]{32})\b")
"""What a pointer of DVC's names, where it is one file."""
_LEDGERS = ".rsft/ledger"
"""Where drawn candidates lie until their rounds are done, and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a purge would delete."""

    hashes: tuple[str, ...]
    """Objects, by MD5."""
    copies: tuple[Path, ...]
    """Files beside the cache: those checked out, and parts of ledgers, which are drawn anew."""
    sources: tuple[str, ...]
    """Files in data/raw that such prompts came from, and that are there still."""
    run_ids: tuple[str, ...]
    """Runs that can no longer be replayed, for they made or read these objects."""
    details: Mapping[str, Any]
    """For the record: ``of`` (kind and hash of what is forgotten), and by run the ``models`` that
    learnt from it."""


def plan_purge(workspace: Workspace, trace: Trace) -> Purge:
    """What a purge of something would delete.

    Raises:
        LineageError: Where a part of a ledger cannot be read.
    """
    holding = [run for run in trace.runs if run.state == "holds"]
    files = {(file.path, file.hash) for run in holding for file in run.files}
    ids = {found.prompt.prompt_id for run in holding for found in run.prompts}
    roots = list_worktrees(workspace)
    sources = {found.prompt.source for run in holding for found in run.prompts}
    named = sorted(f"{RAW}/{source}" for source in sources if source.isprintable())
    pointers = [f"{source}.dvc" for source in named]
    return Purge(
        hashes=tuple(sorted({md5 for _, md5 in files} | _replaced(workspace, holding, pointers))),
        sources=tuple(source for source in named if (workspace.root / source).is_file()),
        copies=(
            *(copy for path, md5 in sorted(files) for copy in _copies(roots, path, md5)),
            *(part for root in roots for part in _ledger_parts(root, ids)),
        ),
        run_ids=tuple(run.run.run_id for run in holding),
        details={
            "of": {"kind": trace.wanted.kind, "hash": trace.wanted.hash},
            "models": {run.run.run_id: list(map(asdict, run.models)) for run in holding},
        },
    )


def purge(workspace: Workspace, plan: Purge, reason: str) -> Deleted:
    """Deletes what was planned, for good; the tag that says so comes first.

    Raises:
        WorkspaceError: Where a run holds the workspace.
        LineageError: Where the remote cannot be reached.
    """
    with workspace.hold("purge"):
        for copy in plan.copies:
            copy.unlink(missing_ok=True)
        return purge_objects(workspace, plan.hashes, reason, plan.details)


def _replaced(
    workspace: Workspace, holding: Sequence[RunTrace], pointers: Sequence[str]
) -> set[str]:
    """Versions of files that DVC's pointers named when some runs ran, and name no more."""
    files = [(workspace.root / pointer) for pointer in pointers]
    now = [file.read_bytes() for file in files if file.exists()]
    asked = [(run.run, pointer) for run in holding for pointer in pointers]
    then = [blob for blob in read_files(workspace, asked) if blob is not None]
    named_then, named_now = (
        {found.decode() for blob in blobs for found in _POINTED.findall(blob)}
        for blobs in (then, now)
    )
    return named_then - named_now


def _copies(roots: Sequence[Path], path: str, md5: str) -> Iterator[Path]:
    """Where the very file is checked out."""
    for root in roots:
        file = root / path
        if file.is_file():
            with file.open("rb") as opened:
                if hashlib.file_digest(opened, "md5").hexdigest() == md5:
                    yield file


def _ledger_parts(root: Path, ids: set[str]) -> Iterator[Path]:
    """Parts of ledgers with candidates of some prompts."""
    for part in sorted((root / _LEDGERS).glob("*/*.parquet")):
        if rows_of_prompts(part, ids):
            yield part
