"""Worked solutions: a few steps of arithmetic over a prompt's number slots.

    n0 + n1 = r0 ; r0 * n2 = r1

Step i combines two operands and names its result ``r{i}``; operands are slots ``n{k}``, earlier
results, or plain constants. The last step's result is the answer. The text is model output, hence
hostile: it is read by one regular expression per step and computed in exact fractions; nothing is
evaluated as code, and lengths and results are bounded: a dozen squares of squares would reach
numbers of 37,000 digits.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rsft.prompts.arithmetic import compute
from rsft.prompts.slots import format_number, parse_number

MAX_STEPS = 12
"""More steps than this is not a solution but a model that does not stop."""

_OPERAND = r"n[0-9]{1,3}|r[0-9]{1,3}|[0-9]{1,9}(?:\.[0-9]{1,9})?"
STEP = re.compile(rf"({_OPERAND})\s*([-+*/])\s*({_OPERAND})\s*=\s*r([0-9]{{1,3}})")
"""One step: left operand, operator, right operand, number of the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One computed step."""

    left: Fraction
    """Value of the left operand."""
    operator: str
    """One of ``+ - * /``."""
    right: Fraction
    """Value of the right operand."""
    result: Fraction
    """Their exact result."""

    def __str__(self) -> str:
        left, right, result = map(format_number, (self.left, self.right, self.result))
        return f"{left} {self.operator} {right} = {result}"


def work_out(solution: str, numbers: Sequence[Fraction]) -> list[Step]:
    """Computes a worked solution.

    Args:
        solution: Steps separated by ``;``.
        numbers: The prompt's numbers, by slot.

    Returns:
        The computed steps, at least one; the last one's result is the answer.

    Raises:
        ValueError: Where the text is no worked solution: not of the form above, a slot or result
            that does not exist, a division by zero, a result out of all bounds, or more than
            ``MAX_STEPS`` steps.
    """
    return list(work_through(solution, numbers))


def work_through(solution: str, numbers: Sequence[Fraction]) -> Iterator[Step]:
    """Computes a worked solution step by step, as far as it is one.

    Raises:
        ValueError: As ``work_out``, at the step that is none.
    """
    parts = solution.split(";", MAX_STEPS)
    if len(parts) > MAX_STEPS:
        raise ValueError(f"more than {MAX_STEPS} steps")
    steps: list[Step] = []
    for number, part in enumerate(parts):
        match = STEP.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"step {number} is not 'operand operator operand = r{number}'")
        left, operator, right, name = match.groups()
        if int(name) != number:
            raise ValueError(f"step {number} names its result r{name}")
        steps.append(_step(_value(left, numbers, steps), operator, _value(right, numbers, steps)))
        yield steps[-1]


def _value(operand: str, numbers: Sequence[Fraction], steps: Sequence[Step]) -> Fraction:
    if operand[0] in "nr":
        index = int(operand[1:])
        known = numbers if operand[0] == "n" else [step.result for step in steps]
        if index >= len(known):
            raise ValueError(f"{operand} does not exist")
        return known[index]
    value = parse_number(operand)
    assert value is not None
    return value


def _step(left: Fraction, operator: str, right: Fraction) -> Step:
    try:
        result = compute(left, operator, right)
    except ArithmeticError as error:
        raise ValueError(str(error)) from None
    return Step(left=left, operator=operator, right=right, result=result)
