"""The equations that a text uses, to check its reasoning and to tell reasoning paths apart.

    Ann sold 48 / 2 = <<48/2=24>>24 clips.      48/2=24
    n0 + n1 = r0 ; r0 * n2 = r1                 n0+n1=r0, r0*n2=r1
    16 - 3 = 13 eggs, for 13 x $2 = $26         16-3=13, 13*2=26

Calculator notes where there are any, and what is written as ``expression = number`` after the last
of them; else steps over number slots; else what is so written anywhere. Signs of money are left
out. The text is model output, hence hostile: nothing is evaluated as code, and at most ``MOST``
equations in its first ``FARTHEST`` characters are read.

Source: rejection-sampling fine-tuning keeps one completion for each list of equations (Yuan et al.,
2023, arXiv 2308.01825), which its code got by ``eval``. Left out: powers, per cent signs, algebra.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise

from rsft.prompts.arithmetic import LONGEST, evaluate, tokenise
from rsft.prompts.gsm8k import NOTE
from rsft.prompts.slots import format_number, parse_number
from rsft.prompts.worked import STEP

MOST = 64
"""Equations that are read in a text."""
FARTHEST = 20_000
"""Characters of a text that are read."""

_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "$": None, "€": None, "£": None})
_TIMES = re.compile(r"(?<=[0-9)])\s*x\s*(?=[0-9(.])")
_LEFT = re.compile(r"[-+*/(). ,0-9]*\Z")
_APART = re.compile(r".*[0-9.,)]\s+(?=[0-9(.])")
"""What stands before an expression in one line with it, such as ``2.`` in a list."""
_GLUED = re.compile(r"(?:[^\W0-9](?! )|\^)[-+*/(). ,0-9]*\Z")
"""What begins with part of a name or as a power, such as ``n0 - 3``."""
_BEGINS = re.compile(r"-?[0-9.]|\(")
_RIGHT = re.compile(
    r"\s*(-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+)?(?:/[0-9]+)?)(?![.,/]?[0-9]|\s?%)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """An expression, and the value that it is said to have."""

    tokens: tuple[str, ...]
    """The expression's numbers and signs, numbers in plain form."""
    said: Fraction | None
    """The value said; null where it is no number."""

    def __str__(self) -> str:
        said = "?" if self.said is None else format_number(self.said)
        return f"{''.join(self.tokens)}={said}"

    def is_right(self) -> bool:
        """Whether the expression has the value, exactly."""
        try:
            return evaluate(list(self.tokens)) == self.said
        except (ValueError, ArithmeticError):
            return False


def equations(text: str) -> tuple[str, ...]:
    """The equations that a text uses, in order, each in one normal form."""
    steps = STEP.findall(text[:FARTHEST])[:MOST]
    if steps and "<<" not in text:
        return tuple(f"{_plain(a)}{sign}{_plain(b)}=r{number}" for a, sign, b, number in steps)
    return tuple(map(str, written_equations(text)))


def written_equations(text: str) -> list[Equation]:
    """The equations over numbers: calculator notes, and those between the words after them."""
    start = _TIMES.sub("*", text[:FARTHEST].translate(_SIGNS))
    notes = list(islice(NOTE.finditer(start), MOST))
    noted = [_noted(*note.groups()) for note in notes]
    rest = start[notes[-1].end() :] if notes else start
    sides = rest.split("=", MOST - len(noted))
    between = (_between(left, right) for left, right in pairwise(sides))
    return noted + [equation for equation in between if equation is not None]


def _noted(expression: str, value: str) -> Equation:
    return Equation(tokens=tuple(map(_plain, tokenise(expression))), said=_value(value))


def _between(left: str, right: str) -> Equation | None:
    """The equation around an equals sign, if that is what there is."""
    expression = _expression(left)
    value = _RIGHT.match(right)
    said = None if value is None else _value(value[1])
    if expression is None or said is None:
        return None
    tokens = tokenise(expression)
    try:
        evaluate(tokens)
    except ArithmeticError:
        pass  # an equation, and wrong
    except ValueError:
        return None
    is_calculation = not {*"+-*/"}.isdisjoint(tokens[1:])
    return Equation(tokens=tuple(map(_plain, tokens)), said=said) if is_calculation else None


def _expression(left: str) -> str | None:
    """What may be an expression at the end of a text."""
    tail = left[-LONGEST - 1 :]
    run = _LEFT.search(tail)
    assert run is not None
    text = _APART.sub("", run[0])
    if text == run[0] and _GLUED.search(tail):
        return None
    text = text.strip()
    while text.startswith("(") and text.count("(") > text.count(")"):
        text = text[1:].lstrip()
    return text if _BEGINS.match(text) and len(text) <= LONGEST else None


def _value(said: str) -> Fraction | None:
    above, slash, below = said.partition("/")
    values = parse_number(above), parse_number(below) if slash else Fraction(1)
    return values[0] / values[1] if values[0] is not None and values[1] else None


def _plain(token: str) -> str:
    """A number in its plain form, anything else as it is."""
    value = parse_number(token)
    return token if value is None else format_number(value)
