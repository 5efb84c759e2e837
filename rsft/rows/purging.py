"""Purging: every object that holds what is forgotten goes, and every copy of it at hand.

Models stay: what they learnt is in no object of its own. Which they are stands in the tag that
records the purge, for afterwards no table tells it; they are to be retrained. Of the files in
data/raw go the versions that the cache keeps for runs; those there now are the user's. Not reached
is what MLflow keeps of evaluations.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rsft.config import ADDITIONS, INCOMING, RAW, TRAINING
from rsft.lineage import (
    Cache,
    Deleted,
    Workspace,
    is_object,
    list_worktrees,
    purge_objects,
    read_additions,
)
from rsft.rows.records import RunTrace, Trace
from rsft.rows.scanning import rows_of_prompts
from rsft.types import Prompt

_LEDGERS = (".rsft/ledger", ".rsft/scores")
"""Where candidates, and scored ones, lie until their rounds are done, and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a purge would delete."""

    hashes: tuple[str, ...]
    """Objects, by MD5."""
    copies: tuple[Path, ...]
    """Files beside the cache: those checked out, and parts of ledgers, which are drawn anew."""
    sources: tuple[str, ...]
    """Files in data/raw and data/incoming that have it still."""
    is_evaluated: bool
    """Whether models were evaluated on it, whose answers MLflow keeps."""
    run_ids: tuple[str, ...]
    """Runs that can no longer be replayed, for they made or read these objects."""
    details: Mapping[str, Any]
    """For the record: ``of`` (kind and hash of what is forgotten), and by run the ``models`` that
    learnt from it."""


def plan_purge(workspace: Workspace, trace: Trace) -> Purge:
    """What a purge of something would delete; true while all checkouts are held.

    Raises:
        LineageError: Where a part of a ledger, or a list of what the user brought, cannot be read.
    """
    holding = [run for run in trace.runs if run.state == "holds"]
    prompts = [found.prompt for run in holding for found in run.prompts]
    files = {(file.path, file.hash) for run in trace.runs for file in run.files}
    inputs = _inputs_with(workspace, trace.runs, prompts)
    roots, ids = list_worktrees(workspace), {prompt.prompt_id for prompt in prompts}
    return Purge(
        hashes=tuple(
            sorted(
                {md5 for _, md5 in files}.union(
                    *inputs.values(), _versions_with(workspace, prompts)
                )
            )
        ),
        copies=(
            *(copy for path, md5 in sorted(files) for copy in _copies(roots, path, md5)),
            *(part for root in roots for part in _ledger_parts(root, ids)),
        ),
        sources=tuple(_sources_with(workspace.root, prompts)),
        is_evaluated=any(found.split not in TRAINING for run in holding for found in run.prompts),
        run_ids=tuple(run.run.run_id for run in trace.runs if run.files or inputs[run.run.run_id]),
        details={
            "of": {"kind": trace.wanted.kind, "hash": trace.wanted.hash},
            "models": {run.run.run_id: list(map(asdict, run.models)) for run in holding},
        },
    )


def purge(workspace: Workspace, plan: Purge, reason: str, pages: Path) -> Deleted:
    """Deletes what was planned, for good; of cache and remote nothing before the tag says so.

    Planned and deleted within one ``hold_checkouts``.

    Args:
        workspace: The checkout whose cache and remote they are.
        plan: What.
        reason: Why, for the record.
        pages: Folder of pages that were made from such data, and are made anew once they are gone.

    Raises:
        LineageError: Where the remote cannot be reached.
    """
    for copy in plan.copies:
        copy.unlink(missing_ok=True)
    shutil.rmtree(pages, ignore_errors=True)
    return purge_objects(workspace, plan.hashes, reason, plan.details)


def _inputs_with(
    workspace: Workspace, runs: Sequence[RunTrace], prompts: Sequence[Prompt]
) -> dict[str, set[str]]:
    """By run, the objects that the cache keeps of the user's files and that have some prompts."""
    cache, texts = Cache(workspace), _spellings(prompts)
    sources = {prompt.source for prompt in prompts}
    known: dict[tuple[str, str], set[str]] = {}
    found: dict[str, set[str]] = {}
    for run in runs:
        inputs = run.run.manifest.get("inputs", {})
        asked = [(path, out["hash"]) for path, out in inputs.items()]
        for path, md5 in set(asked) - known.keys():
            known[path, md5] = {
                member.hash
                for member in cache.members(md5)
                if (Path(path) / member.path).name in sources
                and _has(cache.object(member.hash), texts)
            }
        found[run.run.run_id] = set().union(*(known[key] for key in asked))
    return found


def _versions_with(workspace: Workspace, prompts: Sequence[Prompt]) -> set[str]:
    """Versions of the training file that have some prompts, whether a run read them or not."""
    cache, texts = Cache(workspace), _spellings(prompts)
    told = read_additions(workspace.home / ADDITIONS)
    versions = {str(one[name]) for one in told for name in ("before", "fingerprint")}
    return {md5 for md5 in versions if is_object(md5) and _has(cache.object(md5), texts)}


def _sources_with(root: Path, prompts: Sequence[Prompt]) -> Iterator[str]:
    """The user's files that have some prompts now."""
    sources, texts = {prompt.source for prompt in prompts}, _spellings(prompts)
    for file in sorted((root / RAW).rglob("*")):
        if file.name in sources and _has(file, texts):
            yield str(file.relative_to(root))
    for file in sorted((root / INCOMING).rglob("*")):  # what was taken in stays there
        if _has(file, texts):
            yield str(file.relative_to(root))


def _spellings(prompts: Sequence[Prompt]) -> list[bytes]:
    """What prompts ask, as it may stand in a JSON file."""
    texts = {prompt.text for prompt in prompts}
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
    for place in _LEDGERS:
        for part in sorted((root / place).glob("*/*.parquet")):
            if rows_of_prompts(part, ids):
                yield part
