r"""Equality of answers that are no plain number, such as ``\frac{x}{2}``, by Math-Verify.

Two of its habits are switched off: its time-outs, which are signals and work in the main thread
alone (whoever asks kills what hangs), and its reader of plain expressions, which hands the text to
SymPy's ``parse_expr``, an ``eval``. Its LaTeX reader, a grammar, reads plain expressions too, and
hands on nothing but the digits of a number.

The grammar takes a minute for a hundred nested brackets, and SymPy computes ``9^{9^9}``: what goes
beyond a few simple bounds is refused before.
"""

import functools
import logging
import re
from collections.abc import Sequence
from typing import Any

from rsft.score.numbers import LONGEST

_DEEPEST = 6
_MOST_INDICES = 8
_ENDLESS = re.compile(
    r"\^\s*\{[^{}]*\^|\^\s*\w\s*\^|\^\s*[-+{\s]*[0-9]{4}"  # 9^{9^9}, 9^9^9, 9^{9999}
    r"|[0-9]{4}\s*!|[!)]\s*!"  # 9999!, (9!)!
    r"|\\(?:sum|prod|int|lim)"
)


@functools.lru_cache(maxsize=1024)
def read_expression(answer: str) -> tuple[Any, ...] | None:
    """The expressions that Math-Verify reads in an answer.

    Returns:
        Empty where it reads none; None where the answer is out of bounds, so is not read.
    """
    if not any(letter.isalnum() for letter in answer):
        return ()
    if not _is_within_bounds(answer):
        return None
    library = _math_verify()
    return tuple(
        library.parse(
            f"${answer.replace('$', ' ')}$",
            extraction_config=[library.LatexExtractionConfig()],
            fallback_mode="no_fallback",
            parsing_timeout=None,
        )
    )


def is_same_expression(answer: Sequence[Any], gold: Sequence[Any]) -> bool:
    """Whether Math-Verify finds them equal: symbolically, or to six decimals.

    Raises:
        Exception: Whatever SymPy raises where it fails: that is not a verdict.
    """
    verify = _math_verify().verify
    return bool(verify(list(gold), list(answer), timeout_seconds=None, raise_on_error=True))


def _is_within_bounds(answer: str) -> bool:
    depth = deepest = 0
    for letter in answer:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return (
        len(answer) <= LONGEST
        and deepest <= _DEEPEST
        and answer.count("_") <= _MOST_INDICES
        and not _ENDLESS.search(answer)
    )


@functools.cache
def _math_verify() -> Any:
    """The library, imported where it is first needed (it takes 0.7 s), and kept quiet."""
    import math_verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    return math_verify
