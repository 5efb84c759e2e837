"""GSM8K's calculator notes as worked solutions over number slots.

    Natalia sold 48/2 = <<48/2=24>>24 clips in May. She sold 48+24 = <<48+24=72>>72 altogether.

becomes ``n0 / 2 = r0 ; n0 + r0 = r1``. A number is taken to be the latest result of that value,
else the first slot of that value, else a constant. Notes that do not work out to the answer give
no solution: data set: https://github.com/openai/grade-school-math (Cobbe et al., 2021).
"""

import re
from collections.abc import Callable
from fractions import Fraction

from rsft.prompts.slots import format_number, number_slots, parse_number
from rsft.prompts.worked import work_out

_NOTE = re.compile(r"<<([^<>=]{1,200})=[^<>]*>>")
_TOKEN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+|[-+*/()])")


def slot_solution(question: str, reasoning: str, answer: str) -> str | None:
    """The worked solution of a GSM8K row, or None where its notes do not give the answer.

    Args:
        question: The problem, whose numbers are the slots.
        reasoning: The solution with calculator notes ``<<expression=value>>``.
        answer: The gold answer.
    """
    numbers = number_slots(question)[1]
    writer = _Writer(numbers)
    try:
        for note in _NOTE.findall(reasoning):
            writer.write(note)
        steps = work_out(" ; ".join(writer.steps), numbers)
    except ValueError:
        return None
    return " ; ".join(writer.steps) if steps[-1].result == parse_number(answer) else None


class _Writer:
    """Turns expressions into steps of one operator each, by precedence climbing."""

    def __init__(self, numbers: list[Fraction]) -> None:
        self._numbers = numbers
        self._results: list[Fraction] = []
        self._tokens: list[str] = []
        self.steps: list[str] = []

    def write(self, expression: str) -> None:
        tokens = _TOKEN.findall(expression)
        if "".join(tokens) != re.sub(r"\s", "", expression):
            raise ValueError(f"not arithmetic: {expression}")
        self._tokens = tokens[::-1]
        self._sum()
        if self._tokens:
            raise ValueError(f"not one expression: {expression}")

    def _sum(self) -> str:
        return self._chain("+-", self._product)

    def _product(self) -> str:
        return self._chain("*/", self._operand)

    def _chain(self, operators: str, part: Callable[[], str]) -> str:
        left = part()
        while self._tokens and self._tokens[-1] in operators:
            operator = self._tokens.pop()
            left = self._step(left, operator, part())
        return left

    def _operand(self) -> str:
        if not self._tokens:
            raise ValueError("an operand is missing")
        part = self._tokens.pop()
        if part == "(":
            inner = self._sum()
            if not self._tokens or self._tokens.pop() != ")":
                raise ValueError("a bracket is not closed")
            return inner
        value = parse_number(part)
        if value is None:
            raise ValueError(f"{part} is no operand")
        return self._name(value)

    def _name(self, value: Fraction) -> str:
        for index in range(len(self._results) - 1, -1, -1):
            if self._results[index] == value:
                return f"r{index}"
        if value in self._numbers:
            return f"n{self._numbers.index(value)}"
        return format_number(value)

    def _step(self, left: str, operator: str, right: str) -> str:
        name = f"r{len(self.steps)}"
        self.steps.append(f"{left} {operator} {right} = {name}")
        self._results = [s.result for s in work_out(" ; ".join(self.steps), self._numbers)]
        return name
