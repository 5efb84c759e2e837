"""Exact match of the answer, after normalisation.

Where either is a number, both must be the same number (``$1,050.0`` is ``1050``, and ``12-5`` is
not ``125``). Other answers are compared by their words: lower case, without punctuation and
articles, as SQuAD's evaluation does, unless they consist of nothing else (the choice ``A``).
"""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rsft.prompts.slots import parse_number
from rsft.score.reward import Score, unscorable
from rsft.types import Completion, Prompt

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_AROUND_NUMBER = string.whitespace + "$%+=,;:!?*_`\"'()[]"


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """1 where the answer equals the gold answer."""

    marker: str | None = None
    """The answer is what follows the last such marker; null: it is the whole completion."""

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Compares the answer with the prompt's gold answers."""
        return [self._score(prompt, completion.text) for completion in completions]

    def _score(self, prompt: Prompt, completion: str) -> Score:
        if not prompt.answers:
            return unscorable("the prompt has no gold answer")
        found = self._answer(completion)
        if found is None:
            return Score(reward=0.0, outcome=None)
        return Score(reward=float(any(is_same(found, g) for g in prompt.answers)), outcome=found)

    def gold(self, prompt: Prompt) -> str | None:
        """The gold answer, behind the marker where there is one."""
        if not prompt.answers:
            return None
        return prompt.answers[0] if self.marker is None else f"{self.marker} {prompt.answers[0]}"

    def _answer(self, completion: str) -> str | None:
        if self.marker is None:
            return completion.strip() or None
        _, marker, after = completion.rpartition(self.marker)
        lines = after.strip().splitlines()
        return lines[0] if marker and lines else None


def is_same(answer: str, gold: str) -> bool:
    """Whether two answers are equal: as numbers where either is one, else as words."""
    numbers = as_number(answer), as_number(gold)
    if numbers != (None, None):
        return numbers[0] == numbers[1]
    return _words(answer) == _words(gold)


def as_number(answer: str) -> Fraction | None:
    """The value of a decimal number or a fraction; marks around it and a full stop are let pass."""
    bare = answer.strip(_AROUND_NUMBER).removesuffix(".").replace("-$", "-", 1)
    numerator, slash, denominator = bare.partition("/")
    above = parse_number(numerator)
    if not slash or above is None:
        return above
    below = parse_number(denominator)
    return above / below if below else None


def _words(answer: str) -> list[str]:
    lower = answer.casefold()
    plain = lower.translate(_PUNCTUATION)
    return _ARTICLES.sub(" ", plain).split() or plain.split() or lower.split()
