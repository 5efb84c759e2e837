"""How much there is to learn that the last run did not have; told from its tag and the cache."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rsft.config import TRAINING
from rsft.errors import LedgerError, LineageError
from rsft.ledger import read_rows
from rsft.lineage import Cache, Workspace, latest_runs
from rsft.prompts.splits import question
from rsft.stages.contract import PROMPTS, split_file
from rsft.types import Prompt


def count_new(workspace: Workspace) -> int | None:
    """Training prompts in ``data/prompts`` that the last finished run did not have.

    Writing aside, and whatever their ids: a file that is sorted anew has nothing new.

    Args:
        workspace: The checkout, whose stage ``prompts`` was run.

    Returns:
        How many; null where no run was finished, or its prompts are no longer in the cache.
    """
    found = next(_prompts_of_runs(workspace), None)
    if found is None:
        return None
    names = {split_file(split).name for split in TRAINING}
    cache = Cache(workspace)
    try:
        files = [cache.object(one.hash) for one in cache.members(found) if one.path in names]
        had = set(_questions(files))
    except (LedgerError, LineageError):
        return None
    return sum(asked not in had for asked in _questions(map(split_file, TRAINING)))


def _prompts_of_runs(workspace: Workspace) -> Iterator[str]:
    """Hashes of the prompts of runs that have some, as others' tags need not; the latest first."""
    for run in latest_runs(workspace, str(PROMPTS)):
        for stage in run.stages.values():
            yield from (out.hash for path, out in stage.outs.items() if path == str(PROMPTS))


def _questions(files: Iterable[Path]) -> Iterator[tuple[str, ...]]:
    return (question(prompt) for file in files for prompt in read_rows(file, Prompt))
