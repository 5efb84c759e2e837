"""Tells a template as a problem: fills in words, then numbers, then how it is worked out."""

import re
from fractions import Fraction

import numpy as np

from rsft.prompts.embedded.lexicon import LEXICON
from rsft.prompts.embedded.template import Template
from rsft.prompts.slots import format_number
from rsft.prompts.worked import work_out

_QUANTITY = re.compile(r"\{([a-z])\}")
_LETTER = re.compile(r"\b[a-z]\b")
_COMMUTED = re.compile(r"(\w+) ([+*]) (\w+) =")


def with_words(wording: str, rng: np.random.Generator) -> str:
    """Fills a wording's words and leaves its quantities as ``{a}``."""
    words = {letter: f"{{{letter}}}" for letter in _QUANTITY.findall(wording)}
    for columns, rows in LEXICON.items():
        first = rng.integers(len(rows))
        second = first - 1 - rng.integers(len(rows) - 1)
        words.update(zip(columns, rows[first], strict=True))
        words.update(zip((f"{column}2" for column in columns), rows[second], strict=True))
    return wording.format_map(words)


def with_slots(story: str) -> str:
    """The story as a policy reads it: the k-th quantity becomes ``n{k}``."""
    return story.format_map(slots_of(story))


def slots_of(story: str) -> dict[str, str]:
    """Slot by quantity letter, in the order in which the story tells them."""
    return {letter: f"n{slot}" for slot, letter in enumerate(_QUANTITY.findall(story))}


def draw_quantities(
    template: Template, story: str, rng: np.random.Generator
) -> tuple[list[Fraction], Fraction]:
    """Draws the numbers of a story until they differ and every step has a nice result.

    Equal numbers would let a wrong solution reach the right answer.

    Args:
        template: Gives the ranges, the solutions and their grain.
        story: Names the quantities, in the order of the slots.
        rng: Source of the draws.

    Returns:
        The numbers by slot, and the answer.
    """
    solutions = [in_slots(solution, story) for solution in template.solutions]
    grain = Fraction(template.grain)
    while True:
        numbers = [_draw(*template.quantities[letter], rng=rng) for letter in slots_of(story)]
        worked = [work_out(solution, numbers) for solution in solutions]
        results = [step.result for steps in worked for step in steps]
        distinct = len(set(numbers)) == len(numbers)
        if distinct and all(result > 0 and result % grain == 0 for result in results):
            return numbers, results[-1]


def _draw(low: float, high: float, step: float = 1, *, rng: np.random.Generator) -> Fraction:
    count = int((high - low) / step)
    return Fraction(low) + int(rng.integers(count + 1)) * Fraction(step)


def with_numbers(story: str, numbers: list[Fraction]) -> str:
    """The story with its quantities as literal numbers."""
    digits = map(format_number, numbers)
    return story.format_map(dict(zip(slots_of(story), digits, strict=True)))


def in_slots(solution: str, story: str) -> str:
    """A solution over quantity letters as one over the story's slots."""
    slots = slots_of(story)
    return _LETTER.sub(lambda match: slots[match.group()], solution)


def one_way(template: Template, story: str, rng: np.random.Generator) -> str:
    """One of the right solutions, with sums and products turned round as often as not.

    People write both 3 + 4 and 4 + 3; a policy that learns from one hand alone would never draw
    the other, and each prompt would have a single right candidate.
    """
    solution = template.solutions[rng.integers(len(template.solutions))]

    def turn(match: re.Match[str]) -> str:
        left, operator, right = match.groups()
        return f"{right} {operator} {left} =" if rng.random() < TURNED else match.group()

    return in_slots(_COMMUTED.sub(turn, solution), story)


TURNED = 0.5
"""How often a sum or product is written the other way round."""
