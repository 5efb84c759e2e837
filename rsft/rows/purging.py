"""Purging: every object that holds what is forgotten goes, and every copy of it at hand.

Models stay: what they learnt is in no object of its own. Which they are stands in the tag that
records the purge, for afterwards no table tells it; they are to be retrained. Of the files in
data/raw go the versions that the cache keeps for runs; those there now are the user's. Not reached
is what MLflow keeps of evaluations.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rsft.config import RAW
from rsft.lineage import Cache, Deleted, Workspace, list_worktrees, purge_objects
from rsft.rows.scanning import rows_of_prompts
from rsft.rows.tracing import Trace

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
    """Files in data/raw that have it still."""
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
    texts = _spellings({found.prompt.text for run in holding for found in run.prompts})
    kept = {file.hash: file.file for file in _inputs(workspace, trace) if file.name in sources}
    held = {md5 for md5, file in kept.items() if _has(file, texts)}
    brought = [file for file in (workspace.root / RAW).rglob("*") if file.name in sources]
    return Purge(
        hashes=tuple(sorted(held | {md5 for _, md5 in files})),
        sources=tuple(
            str(file.relative_to(workspace.root)) for file in sorted(brought) if _has(file, texts)
        ),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """A file that the user brought, as the cache keeps it for runs."""

    name: str
    hash: str
    file: Path


def _inputs(workspace: Workspace, trace: Trace) -> Iterator[_Input]:
    cache = Cache(workspace)
    brought = [run.run.manifest.get("inputs", {}) for run in trace.runs]
    hashes = {(path, out["hash"]) for inputs in brought for path, out in inputs.items()}
    for path, md5 in sorted(hashes):
        for member in cache.members(md5):
            name = (Path(path) / member.path).name
            yield _Input(name=name, hash=member.hash, file=cache.object(member.hash))


def _spellings(texts: Collection[str]) -> list[bytes]:
    """Texts as they may stand in a JSON file."""
    escaped = [json.dumps(text)[1:-1] for text in texts]
    plain = [json.dumps(text, ensure_ascii=False)[1:-1] for text in texts]
    return [text.encode() for text in {*escaped, *plain}]


def _has(file: Path, texts: Sequence[bytes]) -> bool:
    """Whether a file is there and has one of the texts."""
    if not file.is_file():
        return False
    content = file.read_bytes()
    return any(text in content for text in texts)


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
