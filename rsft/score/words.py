"""Answers in words: what of their writing does not matter.

Normalised as SQuAD's evaluation does: lower case, without punctuation and articles, white space as
one. Two exceptions: a number keeps its point, sign and slash, which are not punctuation but value
(``12-5`` is not ``125``), and an answer that consists of nothing else (the choice ``A``) is kept.

Source: https://worksheets.codalab.org/bundle/0x6b567e1cf2e041ec80d7098f031c5c9e (SQuAD 2.0).
"""

import re
import string
from fractions import Fraction

from rsft.prompts.slots import parse_number

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_AROUND_NUMBER = string.whitespace + "$%+=,;:!?*_`\"'()[]"


def as_number(answer: str) -> Fraction | None:
    """The value of a decimal number or a fraction; marks around it and a full stop are let pass."""
    bare = answer.strip(_AROUND_NUMBER).removesuffix(".").replace("-$", "-", 1)
    numerator, slash, denominator = bare.partition("/")
    above = parse_number(numerator)
    if not slash or above is None:
        return above
    below = parse_number(denominator)
    return above / below if below else None


def words(answer: str) -> list[str]:
    """The words of an answer, normalised; empty only where the answer is blank."""
    plain = _plain(answer)
    return _without_articles(plain) or plain.split() or answer.casefold().split()


def tokens(answer: str) -> list[str | Fraction]:
    """The words of an answer as ``words`` gives them, those that are numbers as their values."""
    found: list[str | Fraction] = []
    for token in answer.split():
        value = as_number(token.rstrip("."))
        found += _without_articles(_plain(token)) if value is None else [value]
    return found or list(words(answer))


def _plain(text: str) -> str:
    return text.casefold().translate(_PUNCTUATION)


def _without_articles(plain: str) -> list[str]:
    return _ARTICLES.sub(" ", plain).split()
