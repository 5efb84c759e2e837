"""Expressions over numbers, by precedence climbing: ``(16 - 3.5) * 1,000``.

The text may be model output, hence hostile: it is cut into tokens by one regular expression and
never evaluated as code; lengths, depths and results are bounded. Powers are left out.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Generic, TypeVar

from rsft.prompts.slots import parse_number

T = TypeVar("T")
LONGEST = 200
"""Characters of an expression."""
LARGEST = 10**100
"""Of a result's numerator and denominator; larger ones are beyond all reason, and slow."""

_DEEPEST = 20
_TOKEN = re.compile(r"\s*([0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+|\S)")


def tokenise(expression: str) -> list[str]:
    """Numbers and single signs, in order.

    Raises:
        ValueError: Where the expression is too long.
    """
    if len(expression) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    return _TOKEN.findall(expression)


class Climber(Generic[T]):
    """Reads an expression; what a number and a step become is its caller's."""

    def __init__(self, number: Callable[[Fraction], T], step: Callable[[T, str, T], T]) -> None:
        self._number = number
        self._step = step
        self._tokens: list[str] = []
        self._depth = 0

    def climb(self, tokens: list[str]) -> T:
        """Reads one expression.

        Args:
            tokens: As ``tokenise`` gives them.

        Raises:
            ValueError: Where they are no expression; and what ``step`` raises.
        """
        self._tokens, self._depth = tokens[::-1], 0
        value = self._sum()
        if self._tokens:
            raise ValueError(f"not one expression: {self._tokens[-1]} is left over")
        return value

    def _sum(self) -> T:
        return self._chain("+-", self._product)

    def _product(self) -> T:
        return self._chain("*/", self._operand)

    def _chain(self, operators: str, part: Callable[[], T]) -> T:
        left = part()
        while self._tokens and self._tokens[-1] in operators:
            operator = self._tokens.pop()
            left = self._step(left, operator, part())
        return left

    def _operand(self) -> T:
        part = self._tokens.pop() if self._tokens else ""
        if part == "(":
            return self._bracket()
        if part == "-" and self._tokens:
            part += self._tokens.pop()
        value = parse_number(part)
        if value is None:
            raise ValueError(f"{part!r} is no operand")
        return self._number(value)

    def _bracket(self) -> T:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} brackets in each other")
        inner = self._sum()
        if not self._tokens or self._tokens.pop() != ")":
            raise ValueError("a bracket is not closed")
        self._depth -= 1
        return inner


def compute(left: Fraction, operator: str, right: Fraction) -> Fraction:
    """The exact result of one step.

    Raises:
        ArithmeticError: Where it divides by zero, or the result is out of all bounds.
    """
    if operator == "+":
        result = left + right
    elif operator == "-":
        result = left - right
    elif operator == "*":
        result = left * right
    elif right == 0:
        raise ZeroDivisionError("division by zero")
    else:
        result = left / right
    if max(abs(result.numerator), result.denominator) > LARGEST:
        raise OverflowError("a result is out of all bounds")
    return result


def evaluate(tokens: list[str]) -> Fraction:
    """The exact value of an expression.

    Raises:
        ValueError: Where the tokens are no expression.
        ArithmeticError: Where a step of it has no result within bounds.
    """
    climber: Climber[Fraction] = Climber(number=lambda value: value, step=compute)
    return climber.climb(tokens)
