"""What is followed: a prompt, or all prompts of a source, a family or a licence.

A prompt is its question, not its id: an id that counts lines is another prompt's in another run.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyarrow.compute as pc

from rsft.errors import LineageError
from rsft.lineage import RunRecord, Workspace
from rsft.prompts.forgotten import Forgotten, Kind, digest, question_digests
from rsft.rows.data import DataFile, RunData
from rsft.rows.tables import columns_of, read_columns
from rsft.stages.contract import PROMPTS
from rsft.types import Prompt, Turn

_TOLD = (
    *("prompt_id", "prompt", "context", "family"),
    *("source", "licence", "split", "round"),
)
"""What rows and answers tell of their prompts; the latter ones not all of them."""

_LEAST_WORDS = 5
"""Words of a text that may be a question which no table has any more."""
_LONGEST_SHOWN = 200
"""Characters of a text that a message repeats."""
_LEAST_HASH = 12
"""Digits of a hash by which a forgotten prompt may be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is followed."""

    kind: Kind
    """What it is."""
    name: str
    """As the person named it."""
    hash: str
    """That of its question, or of the source, family or licence."""
    prompt: Prompt | None = None
    """The prompt as the latest run has it that does; null for other kinds, or where none has it
    any more."""

    def picks(self, prompt: Prompt) -> bool:
        """Whether a prompt is the one, goes on from it, or is one of them."""
        if self.kind == "prompt":
            return self.hash in question_digests(prompt.text, prompt.context)
        return digest(self.kind, getattr(prompt, self.kind)) == self.hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A prompt in a run."""

    split: str
    """The split that it is in."""
    prompt: Prompt
    """The prompt."""


def name_value(kind: Kind, value: str) -> Wanted:
    """All prompts of a source, a family or a licence."""
    return Wanted(kind=kind, name=value, hash=digest(kind, value))


def name_prompt(
    workspace: Workspace, runs: Sequence[RunRecord], text: str, forgotten: Sequence[Forgotten]
) -> Wanted:
    """The prompt that a text names.

    Args:
        workspace: The checkout that has the runs.
        runs: Where to look, the latest first: for its id, then for its very text.
        text: The id, the whole question, or the hash of one that was forgotten.
        forgotten: What is to be forgotten: such a prompt is known by its id too, though no run has
            it any more.

    Raises:
        LineageError: Where it names none.
    """
    asked = question_digests(text, ())[-1]
    for wanted in (pc.field("prompt_id") == text, None):
        for found in _look(workspace, runs, wanted):
            known = question_digests(found.prompt.text, found.prompt.context)[-1]
            if wanted is not None or known == asked:
                return Wanted(kind="prompt", name=text, hash=known, prompt=found.prompt)
    for entry in forgotten:
        is_hash = len(text) >= _LEAST_HASH and entry.hash.startswith(text.lower())
        if entry.kind == "prompt" and (
            is_hash or digest("id", text) == entry.id or asked == entry.hash
        ):
            return Wanted(kind="prompt", name=text, hash=entry.hash)
    for run in runs:
        data = RunData(workspace, run)
        if _is_whole(data):
            continue
        for found in prompts_in_rows(data):
            known = question_digests(found.prompt.text, found.prompt.context)[-1]
            if text == found.prompt.prompt_id or known == asked:
                return Wanted(kind="prompt", name=text, hash=known, prompt=found.prompt)
        if len(text.split()) >= _LEAST_WORDS:  # which may have been among what is gone
            return Wanted(kind="prompt", name=text, hash=asked)
    raise LineageError(
        f"{_shortened(text)!r} is the id or the text of no prompt that a run of this checkout has; "
        "write it as it stands in data/prompts, or the whole question"
    )


def find_prompts(data: RunData, wanted: pc.Expression | None = None) -> Iterator[Found]:
    """The prompts of a run.

    Raises:
        LineageError: Where a table of them is not in the cache, or is none.
    """
    for split in splits_of(data):
        yield from read_split(data, split, wanted)


def splits_of(data: RunData) -> list[str]:
    """The splits of a run.

    Raises:
        LineageError: Where the list of their tables is not in the cache.
    """
    places = [file.path.rpartition("/") for file in data.files(str(PROMPTS))]
    tables = [name for folder, _, name in places if folder == str(PROMPTS)]
    return [name.removesuffix(".parquet") for name in tables if name.endswith(".parquet")]


def read_split(data: RunData, split: str, wanted: pc.Expression | None = None) -> Iterator[Found]:
    """The prompts of a split.

    Raises:
        LineageError: Where its table is not in the cache, or is none.
    """
    for prompt in data.rows(f"{PROMPTS}/{split}.parquet", Prompt, wanted):
        yield Found(split=split, prompt=prompt)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _is_whole(data: RunData) -> bool:
    """Whether all tables of a run's prompts are there."""
    try:
        for file in data.files(str(PROMPTS)):
            data.require(file)
    except LineageError:
        return False
    return True


def prompts_in_rows(data: RunData) -> list[Found]:
    """The prompts that a run's rows and answers tell of: more than its tables of prompts, or less.

    What can no longer be read is passed over.
    """
    found: dict[tuple[str, str], Found] = {}
    for out in data.outs:
        with suppress(LineageError):
            for file in data.files_of(out):
                if file.path.endswith(".parquet"):
                    with suppress(LineageError):
                        found |= {(f.split, f.prompt.prompt_id): f for f in _told(data, file)}
    return list(found.values())


def _told(data: RunData, file: DataFile) -> Iterator[Found]:
    """The prompts of a table's rows, where it is one of training rows or answers."""
    columns = columns_of(data.require(file))
    if {"prompt_id", "prompt", "context", "family"} <= columns:
        names = [name for name in _TOLD if name in columns]
        for row in read_columns(file.file, names).to_pylist():
            split = row.get("split") or ("train" if row.get("round") else "labelled")
            prompt = Prompt(
                prompt_id=row["prompt_id"],
                text=row["prompt"],
                context=tuple(Turn(**turn) for turn in row["context"]),
                answers=(),
                solution=None,
                family=row["family"],
                source=row.get("source", ""),
                licence=row.get("licence", ""),
            )
            yield Found(split=split, prompt=prompt)


def _look(
    workspace: Workspace, runs: Sequence[RunRecord], wanted: pc.Expression | None
) -> Iterator[Found]:
    """The prompts of all runs, those of equal data sets once; the unreadable are passed over."""
    seen: set[str | None] = set()
    for run in runs:
        data = RunData(workspace, run)
        prompts = data.outs.get(str(PROMPTS))
        if prompts in seen:
            continue
        seen.add(prompts)
        try:
            yield from find_prompts(data, wanted)
        except LineageError:
            continue
