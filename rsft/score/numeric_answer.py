r"""The number that a completion gives as its answer, compared with the gold answers.

The answer is what follows the last occurrence of the first marker that occurs at all (``####``,
``A:``, ``\boxed{}``), else the last number. Numbers are compared exactly (``rsft.score.numbers``).
Math-Verify (``rsft.score.symbolic``) compares only where the answer or a gold is no plain number.

A finished answer in which nothing is found is wrong, not unscorable. Unscorable is what Math-Verify
fails on, or would need too long for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rsft.config import NumericAnswerSection
from rsft.score.markers import mark, read_answer
from rsft.score.numbers import LONGEST, Number, is_equal, last_number, read_number
from rsft.score.reward import Score, unscorable
from rsft.score.symbolic import is_same_expression, read_expression
from rsft.types import Completion, Prompt

_NOTHING = Score(reward=0.0)


@dataclass(frozen=True, slots=True)
class _Golds:
    """A prompt's gold answers, read once."""

    numbers: Sequence[Number]
    """Those that are plain numbers."""
    expressions: Sequence[str]
    """The others."""
    texts: Sequence[str]
    """All of them."""


class NumericAnswer:
    """1 where the answer is the number, or the expression, of a gold answer."""

    def __init__(self, section: NumericAnswerSection) -> None:
        self._section = section
        self._tolerance = Fraction(str(section.relative_tolerance))

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Compares each answer with the prompt's gold answers."""
        if not prompt.answers:
            return [unscorable("the prompt has no gold answer")] * len(completions)
        golds = _read(prompt.answers)
        if not golds.numbers and not self._are_expressions(golds.expressions):
            return [unscorable("no gold answer of the prompt is a number")] * len(completions)
        return [self._judge(completion.text, golds) for completion in completions]

    def gold(self, prompt: Prompt) -> str | None:
        """The first gold answer, behind the first marker where there is one."""
        if not prompt.answers:
            return None
        return mark(prompt.answers[0], next(iter(self._section.markers), None))

    def _judge(self, completion: str, golds: _Golds) -> Score:
        for marker in self._section.markers:
            answer = read_answer(completion, marker)
            if answer is not None:
                return self._judge_answer(answer, golds)
        found = last_number(completion) if self._section.last_number else None
        if found is None:
            return _NOTHING
        return Score(reward=float(self._is_any(found[1], golds)), outcome=found[0])

    def _judge_answer(self, answer: str, golds: _Golds) -> Score:
        if not answer or len(answer) > LONGEST:
            return _NOTHING
        number = read_number(answer)
        if number is not None and self._is_any(number, golds):
            return Score(reward=1.0, outcome=answer)
        others = golds.texts if number is None else golds.expressions
        if not others or not self._section.symbolic:
            return Score(reward=0.0, outcome=answer)
        return _judge_expression(answer, others)

    def _is_any(self, number: Number, golds: _Golds) -> bool:
        return any(is_equal(number, gold, self._tolerance) for gold in golds.numbers)

    def _are_expressions(self, golds: Sequence[str]) -> bool:
        return self._section.symbolic and any(read_expression(gold) for gold in golds)


def _read(answers: Sequence[str]) -> _Golds:
    numbers = [read_number(answer) for answer in answers]
    return _Golds(
        numbers=[number for number in numbers if number is not None],
        expressions=[answer for answer, n in zip(answers, numbers, strict=True) if n is None],
        texts=answers,
    )


def _judge_expression(answer: str, golds: Sequence[str]) -> Score:
    said = read_expression(answer)
    if said is None:
        return unscorable("the answer is too large an expression to be compared", answer)
    try:
        is_right = any(is_same_expression(said, read_expression(gold) or ()) for gold in golds)
    except Exception as error:  # noqa: BLE001  SymPy's failures, whatever they are, are no verdict
        return unscorable(f"Math-Verify fails to compare it ({type(error).__name__})", answer)
    return Score(reward=float(is_right), outcome=answer)
