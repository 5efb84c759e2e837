"""What is followed: a prompt, or all prompts of a source, a family or a licence.

A prompt is its question, not its id: an id that counts lines is another prompt's in another run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from rsft.errors import LineageError
from rsft.lineage import RunRecord, Workspace
from rsft.prompts.forgotten import Forgotten, Kind, digest, question_digests
from rsft.rows.data import RunData
from rsft.stages.contract import PROMPTS
from rsft.types import Prompt

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
    raise LineageError(
        f"{text!r} is the id or the text of no prompt that a run of this checkout has; write it as "
        "it stands in data/prompts, or the whole question"
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
