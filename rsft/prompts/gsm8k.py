"""GSM8K's calculator notes as worked solutions over number slots.

    Natalia sold 48/2 = <<48/2=24>>24 clips in May. She sold 48+24 = <<48+24=72>>72 altogether.

becomes ``n0 / 2 = r0 ; n0 + r0 = r1``. A number is taken to be the latest result of that value,
else the first slot of that value, else a constant. Notes that do not work out to the answer give
no solution: data set: https://github.com/openai/grade-school-math (Cobbe et al., 2021).
"""

import re
from fractions import Fraction

from rsft.prompts.arithmetic import Climber, tokenise
from rsft.prompts.slots import format_number, number_slots, parse_number
from rsft.prompts.worked import work_out

NOTE = re.compile(r"<<([^<>=]{1,200})=([^<>]*)>>")
"""A calculator note: an expression, and the value it is said to have."""


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
        for expression, _ in NOTE.findall(reasoning):
            writer.write(expression)
        steps = work_out(" ; ".join(writer.steps), numbers)
    except ValueError:
        return None
    return " ; ".join(writer.steps) if steps[-1].result == parse_number(answer) else None


class _Writer:
    """Turns expressions into steps of one operator each."""

    def __init__(self, numbers: list[Fraction]) -> None:
        self._numbers = numbers
        self._results: list[Fraction] = []
        self._climber = Climber(number=self._name, step=self._step)
        self.steps: list[str] = []

    def write(self, expression: str) -> None:
        self._climber.climb(tokenise(expression))

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
