"""Purging: every object that holds what is forgotten goes, and every copy of it at hand.

The rows of others in the same tables are kept, as objects that the record of the purge names, so
that they can be followed and purged in turn.

Models stay: what they learnt is in no object of its own. Which they are stands in the tag that
records the purge, for afterwards no table tells it; they are to be retrained. Of the files in
data/raw go the versions that the cache keeps for runs; those there now are the user's. Not reached
is what MLflow keeps of evaluations.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rsft.config import INCOMING, RAW, TRAINING
from rsft.lineage import (
    ADDITIONS,
    Cache,
    Deleted,
    Fetcher,
    Workspace,
    file_md5,
    is_object,
    keep_bytes,
    list_worktrees,
    purge_objects,
    read_additions,
    read_purged,
)
from rsft.rows.looked import noting
from rsft.rows.records import RunTrace, Trace
from rsft.rows.scanning import leaves, rows_of_others, rows_of_prompts
from rsft.types import Prompt

_LEDGERS = (".rsft/ledger", ".rsft/scores")
"""Where candidates, and scored ones, lie until their rounds are done, and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a purge would delete."""

    hashes: tuple[str, ...]
    """Objects, by MD5."""
    rows_of: Mapping[str, frozenset[str]]
    """By hash of each table among them the ids of the prompts whose rows go; the others stay."""
    copies: tuple[Path, ...]
    """Files beside the cache: those checked out, and parts of ledgers, which are drawn anew."""
    sources: tuple[str, ...]
    """Files in data/raw and data/incoming that have it still."""
    is_evaluated: bool
    """Whether models were evaluated on it, whose answers MLflow keeps."""
    unread: tuple[str, ...]
    """Runs, lists of what the user brought, and parts of ledgers that could not be looked
    through."""
    run_ids: tuple[str, ...]
    """Runs that can no longer be replayed, for they made or read these objects."""
    details: Mapping[str, Any]
    """For the record: ``of`` (kind and hash of what is forgotten), and by run the ``models`` that
    learnt from it."""


def plan_purge(workspace: Workspace, trace: Trace) -> Purge:
    """What a purge of something would delete; true while ``hold_checkouts`` holds them all."""
    holding = [run for run in trace.runs if run.state in ("holds", "not_free")]
    prompts = [found.prompt for run in holding for found in run.prompts]
    files = {(file.path, file.hash) for run in trace.runs for file in run.files}
    rows_of: dict[str, frozenset[str]] = {}
    for run in trace.runs:
        if run.state == "holds":
            own = frozenset(found.prompt.prompt_id for found in run.prompts)
            tables = [file.hash for file in run.files if file.path.endswith(".parquet")]
            rows_of |= {md5: rows_of.get(md5, frozenset()) | own for md5 in tables}
    unread = trace.problems
    inputs = _inputs_with(workspace, trace.runs, prompts, unread)
    roots, ids = list_worktrees(workspace), {prompt.prompt_id for prompt in prompts}
    return Purge(
        hashes=tuple(
            sorted(
                {md5 for _, md5 in files}.union(
                    *inputs.values(), _versions_with(workspace, prompts)
                )
            )
        ),
        rows_of=rows_of,
        copies=(
            *(copy for path, md5 in sorted(files) for copy in _copies(roots, path, md5)),
            *(part for root in roots for part in _ledger_parts(root, ids, unread)),
        ),
        sources=tuple(_sources_with(workspace.root, prompts)),
        unread=tuple(unread),
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
    cache = Cache(workspace)
    rests = {
        md5: keep_bytes(cache, rows_of_others(cache.object(md5), ids))
        for md5, ids in plan.rows_of.items()
    }
    return purge_objects(workspace, plan.hashes, reason, plan.details, rests)


def _inputs_with(
    workspace: Workspace, runs: Sequence[RunTrace], prompts: Sequence[Prompt], unread: list[str]
) -> dict[str, set[str]]:
    """By run, the objects that are kept of the user's files and that have some prompts."""
    cache, fetcher = Cache(workspace), Fetcher(workspace)
    purged = read_purged(workspace)

    def objects(path: str, md5: str) -> Iterator[str]:
        fetcher.has(md5)
        for member in cache.members(md5):
            is_kept = member.hash not in purged and fetcher.has(member.hash)
            own = _from(Path(path, member.path).name, prompts)
            if is_kept and _has(cache.object(member.hash), own):
                yield member.hash

    known: dict[tuple[str, str], set[str]] = {}
    found: dict[str, set[str]] = {}
    for run in runs:
        inputs = run.run.manifest.get("inputs", {})
        asked = [(path, out["hash"]) for path, out in inputs.items()]
        for path, md5 in set(asked) - known.keys():
            known[path, md5] = set()
            with noting(unread):
                known[path, md5].update(objects(path, md5))
        found[run.run.run_id] = set().union(*(known[key] for key in asked))
    return found


def _versions_with(workspace: Workspace, prompts: Sequence[Prompt]) -> set[str]:
    """Versions of the training file that have some prompts, whether a run read them or not."""
    cache = Cache(workspace)
    told = read_additions(workspace.home / ADDITIONS)
    versions = {str(one[name]) for one in told for name in ("before", "fingerprint")}
    return {md5 for md5 in versions if is_object(md5) and _has(cache.object(md5), prompts)}


def _sources_with(root: Path, prompts: Sequence[Prompt]) -> Iterator[str]:
    """The user's files that have some prompts now."""
    for file in sorted((root / RAW).rglob("*")):
        if _has(file, _from(file.name, prompts)):
            yield str(file.relative_to(root))
    for file in sorted((root / INCOMING).rglob("*")):  # what was taken in stays there
        if _has(file, prompts):
            yield str(file.relative_to(root))


def _from(name: str, prompts: Sequence[Prompt]) -> list[Prompt]:
    """Those that come from a file of a name, or nobody knows where from."""
    return [prompt for prompt in prompts if prompt.source in (name, "")]


def _has(file: Path, prompts: Sequence[Prompt]) -> bool:
    """Whether a file is there and has one of the prompts."""
    texts = {prompt.text for prompt in prompts}
    if not texts or not file.is_file():
        return False
    content = file.read_bytes().decode(errors="replace")
    spelt = (content, *(leaf for line in content.split("\n") for leaf in _leaves_of(line)))
    return any(text in place for text in texts for place in spelt)


def _leaves_of(line: str) -> Iterator[str]:
    """The texts in a line of JSON, however they are spelt; none where it is none."""
    with suppress(ValueError, RecursionError):
        yield from leaves(json.loads(line))


def _copies(roots: Sequence[Path], path: str, md5: str) -> Iterator[Path]:
    """Where the very file is checked out."""
    for root in roots:
        file = root / path
        is_inside = file.is_file() and file.resolve().is_relative_to(root.resolve())
        if is_inside and file_md5(file) == md5:
            yield file


def _ledger_parts(root: Path, ids: set[str], unread: list[str]) -> Iterator[Path]:
    """Parts of ledgers with candidates of some prompts."""
    found = (part for place in _LEDGERS for part in sorted((root / place).glob("*/*.parquet")))
    for part in found:
        with noting(unread):
            if rows_of_prompts(part, ids):
                yield part
