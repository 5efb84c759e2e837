"""Worked solutions: each step checked in exact fractions, and the result compared with the gold.

Three forms are read: steps over the prompt's number slots (``rsft.prompts.worked``), calculator
notes (``<<48/2=24>>``), and equations between words (``48 / 2 = 24``); see
``rsft.prompts.equations``. A completion that is no worked solution is wrong: it has no result to
compare. The result is what the last step gives; in the last two forms, what stands behind a marker
(``#### 24``), where there is one, which the last step may have been worded before.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rsft.config import NumericAnswerSection
from rsft.prompts.equations import written_equations
from rsft.prompts.slots import format_number, number_slots
from rsft.prompts.worked import work_through
from rsft.score.markers import read_answer
from rsft.score.numbers import read_number
from rsft.score.reward import Score, unscorable
from rsft.score.words import as_number
from rsft.types import Completion, Prompt

_MARKERS = NumericAnswerSection().markers


@dataclass(frozen=True, slots=True)
class WorkedSolution:
    """1 where every step is right and the last one's result is a gold answer."""

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Works each completion out, over the prompt's numbers where it names them."""
        golds = {as_number(answer) for answer in prompt.answers} - {None}
        if not golds:
            return [unscorable("no gold answer of the prompt is a number")] * len(completions)
        numbers = number_slots(prompt.text)[1]
        return [_judge(completion.text, numbers, golds) for completion in completions]

    def gold(self, prompt: Prompt) -> str | None:
        """The prompt's worked solution."""
        return prompt.solution


def _judge(text: str, numbers: Sequence[Fraction], golds: Collection[Fraction | None]) -> Score:
    steps = 0
    result = None
    try:
        for step in work_through(text, numbers):
            steps, result = steps + 1, step.result
    except ValueError:
        if steps == 0:
            return _judge_written(text, golds)
        return _score(steps / (text.count(";") + 1), None, golds)
    return _score(1.0, result, golds)


def _judge_written(text: str, golds: Collection[Fraction | None]) -> Score:
    written = written_equations(text) if "=" in text else []
    if not written:
        return _score(0.0, None, golds)
    right = sum(equation.is_right() for equation in written)
    stated = _stated(text)
    return _score(right / len(written), written[-1].said if stated is None else stated, golds)


def _stated(text: str) -> Fraction | None:
    """The number behind a marker."""
    answers = (read_answer(text, marker) for marker in _MARKERS)
    answer = next(filter(None, answers), None)
    number = None if answer is None else read_number(answer)
    return None if number is None else number.value


def _score(steps: float, result: Fraction | None, golds: Collection[Fraction | None]) -> Score:
    is_gold = float(result in golds)
    return Score(
        reward=is_gold if steps == 1.0 else 0.0,
        outcome=None if result is None else format_number(result),
        breakdown={"steps": steps, "result": is_gold},
    )
