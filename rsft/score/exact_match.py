"""Exact match of the answer with one of the gold answers, after normalisation.

Where either is a number, both must be the same number (``$1,050.0`` is ``1050``, and ``12-5`` is
not ``125``). Other answers are compared by their words (``rsft.score.words``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rsft.score.markers import mark, read_answer
from rsft.score.reward import Score, unscorable
from rsft.score.words import as_number, words
from rsft.types import Completion, Prompt


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """1 where the answer equals one of the gold answers."""

    marker: str | None = None
    """The answer is what follows the last such marker; null: it is the whole completion."""

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Compares each answer with the prompt's gold answers."""
        if not prompt.answers:
            return [unscorable("the prompt has no gold answer")] * len(completions)
        return [self._judge(completion.text, prompt.answers) for completion in completions]

    def gold(self, prompt: Prompt) -> str | None:
        """The first gold answer, behind the marker where there is one."""
        return mark(prompt.answers[0], self.marker) if prompt.answers else None

    def _judge(self, completion: str, golds: Sequence[str]) -> Score:
        answer = read_answer(completion, self.marker)
        if not answer:
            return Score(reward=0.0)
        return Score(reward=float(any(is_same(answer, gold) for gold in golds)), outcome=answer)


def is_same(answer: str, gold: str) -> bool:
    """Whether two answers are equal: as numbers where either is one, else as words."""
    numbers = as_number(answer), as_number(gold)
    if numbers != (None, None):
        return numbers[0] == numbers[1]
    return words(answer) == words(gold)
