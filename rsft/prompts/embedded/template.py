"""The shape of a word-problem template."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One problem, told in several ways."""

    family: str
    """Its name, unique among all templates."""
    solutions: tuple[str, ...]
    """Right ways to solve it, as worked solutions over the quantities' letters."""
    quantities: Mapping[str, tuple[float, float] | tuple[float, float, float]]
    """By letter: lowest and highest value, and the step between values (1 if not given)."""
    wordings: tuple[str, ...]
    """Texts with quantities as ``{a}`` and words of the lexicon as ``{items}``; each names all
    quantities of the solutions once, and may name others that only distract."""
    grain: float = 1
    """What every step's result is a multiple of; 1 for whole numbers."""
