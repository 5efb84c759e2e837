"""Exact match of the answer, after normalisation.

Where either is a number, both must be the same number (``$1,050.0`` is ``1050``, and ``12-5`` is
not ``125``). Other answers are compared by their words: lower case, without punctuation and
articles, as SQuAD's evaluation does, unless they consist of nothing else (the choice ``A``).
"""

import re
import string
from dataclasses import dataclass
from fractions import Fraction

from rsft.prompts.slots import parse_number
from rsft.score.reward import UNSCORABLE, Score
from rsft.types import Prompt

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_AROUND_NUMBER = string.whitespace + "$%+=,;:!?*_`\"'()[]"


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """1 where the answer equals the gold answer."""

    marker: str | None = None
    """The answer is what follows the last such marker; null: it is the whole completion."""

    def score(self, prompt: Prompt, completion: str) -> Score:
        """Compares the answer with the prompt's gold answer."""
        if prompt.answer is None:
            return UNSCORABLE
        found = self._answer(completion)
        if found is None:
            return Score(reward=0.0, outcome=None)
        return Score(reward=float(is_same(found, prompt.answer)), outcome=found)

    def gold(self, prompt: Prompt) -> str | None:
        """The gold answer, behind the marker where there is one."""
        if prompt.answer is None:
            return None
        return prompt.answer if self.marker is None else f"{self.marker} {prompt.answer}"

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
