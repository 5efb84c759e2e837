"""Reading a policy's answer in what it wrote."""

from collections.abc import Sequence
from dataclasses import dataclass

from rsft.prompts.slots import format_number, number_slots
from rsft.prompts.worked import work_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a completion says."""

    steps: Sequence[str]
    """The worked steps with their numbers; empty where it is no worked solution."""
    answer: str | None
    """The answer; null where it holds none."""


def read_answer(
    question: str, completion: str, *, is_worked: bool, answer_marker: str | None
) -> Reading:
    """Reads a completion.

    Args:
        question: What was asked.
        completion: What was written.
        is_worked: Whether completions are worked solutions, whose result is the answer.
        answer_marker: For others: the answer is what follows the last such marker; null: all of it.
    """
    if not is_worked:
        if answer_marker is None:
            return Reading(steps=(), answer=completion.strip())
        _, found, after = completion.rpartition(answer_marker)
        return Reading(steps=(), answer=after.strip() if found else None)
    try:
        steps = work_out(completion, number_slots(question)[1])
    except ValueError:
        return Reading(steps=(), answer=None)
    answer = format_number(steps[-1].result)
    return Reading(steps=[str(step) for step in steps], answer=answer)
