"""Judging by a model in batches of like length, each score put back to its completion.

What cannot be judged is found before the batches are made, and keeps its place: a score is never
matched to a completion by counting through a list that something was taken out of.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from rsft.score.reward import Asked, Score
from rsft.types import Completion, Prompt

_Row = TypeVar("_Row")


def judge_in_batches(
    asked: Sequence[Asked],
    prepare: Callable[[Prompt, Sequence[Completion]], list[_Row | Score]],
    judge: Callable[[list[_Row]], list[Score]],
) -> list[list[Score]]:
    """Judges the completions of many prompts.

    Args:
        asked: The prompts and their completions.
        prepare: Gives for each completion of a prompt what the model reads, or at once the score
            of one that cannot be judged.
        judge: Gives a score for each of the former, of all prompts.

    Returns:
        One list a prompt, in their order.
    """
    prepared = [prepare(prompt, completions) for prompt, completions in asked]
    rows = [row for ready in prepared for row in ready if not isinstance(row, Score)]
    scores = judge(rows)
    assert len(scores) == len(rows)
    left = iter(scores)
    return [[row if isinstance(row, Score) else next(left) for row in ready] for ready in prepared]


def spelled(specials: Sequence[str], text: str) -> str | None:
    """The first of the special tokens that a text spells; null where it spells none."""
    return next((special for special in specials if special in text), None)
