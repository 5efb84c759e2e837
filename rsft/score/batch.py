"""What one call has the workers judge: units of a prompt and completions, and their scores.

A unit that ends its worker or takes too long is divided: into single completions, then by leaving
out the part that was asking. So what is marked in the end is one completion under one reward; its
neighbours, and the other rewards on it, are judged again.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsft.score.pipe import Position, line, pack_prompt, unpack_score
from rsft.score.reward import Asked, Score, unscorable

_MOST_COMPLETIONS, _LEAST_COMPLETIONS, _MOST_CHARACTERS = 1024, 64, 1 << 20
"""Of a chunk: enough that a message costs nothing beside judging, few enough to share out."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Some completions of one prompt, under some of the parts."""

    place: int
    """Number of the prompt in what was asked."""
    first: int
    """Number of the first completion."""
    count: int
    """How many from there."""
    parts: tuple[int, ...]
    """Numbers of the parts that are to judge them."""


class Batch:
    """The units still to be judged, and the scores of the others."""

    def __init__(self, names: Sequence[str], asked: Sequence[Asked], workers: int) -> None:
        """Takes what was asked.

        Args:
            names: The parts.
            asked: Prompts with their completions.
            workers: Among how many it is shared out.
        """
        self.names = names
        self._asked = asked
        every = tuple(range(len(names)))
        self._waiting = deque(
            Unit(place, 0, len(completions), every)
            for place, (_, completions) in enumerate(asked)
            if completions
        )
        self.total = sum(len(completions) for _, completions in asked)
        self.done = 0
        share = -(-self.total // (2 * workers))
        self._size = min(max(share, _LEAST_COMPLETIONS), _MOST_COMPLETIONS)
        self.scores: list[list[list[Any]]] = [
            [[None] * len(completions) for _, completions in asked] for _ in names
        ]

    @property
    def is_waiting(self) -> bool:
        """Whether there are units that no worker has."""
        return bool(self._waiting)

    def take(self) -> tuple[list[Unit], bytes]:
        """The next chunk, and its line; without units where there are none, so that parts load."""
        chunk: list[Unit] = []
        rows: list[Any] = []
        completions = characters = 0
        while self._waiting and completions < self._size and characters < _MOST_CHARACTERS:
            unit = self._waiting.popleft()
            prompt, all_of_it = self._asked[unit.place]
            texts = [one.text for one in all_of_it[unit.first : unit.first + unit.count]]
            chunk.append(unit)
            rows.append((unit.parts, pack_prompt(prompt), texts))
            completions += unit.count
            characters += sum(map(len, texts))
        return chunk, line({"parts": self.names, "units": rows})

    def record(self, units: Sequence[Unit], scores: Sequence[Any]) -> None:
        """Keeps the scores that a worker told of some units."""
        for unit, told in zip(units, scores, strict=True):
            end = unit.first + unit.count
            for part, rows in zip(unit.parts, told, strict=True):
                self.scores[part][unit.place][unit.first : end] = [
                    unpack_score(*row) for row in rows
                ]
            self.done += unit.count

    def give_back(self, units: Sequence[Unit]) -> None:
        """Takes units back that were not judged."""
        self._waiting.extendleft(reversed(units))

    def take_apart(self, chunk: Sequence[Unit], done: int, position: Position, note: str) -> None:
        """Takes a chunk back from a worker that was ended, and divides the unit that it was at.

        Args:
            chunk: Its units.
            done: How many of them it has told the scores of.
            position: What it was at; it may have told of that one, and not have gone on yet.
            note: Why it was ended.
        """
        if position.unit < done:
            self.give_back(chunk[done:])
            return
        self.give_back(chunk[position.unit + 1 :])
        self.give_back(chunk[done : position.unit])
        self._divide(chunk[position.unit], position, note)

    def _divide(self, unit: Unit, position: Position, note: str) -> None:
        """Has a unit judged in pieces, or marks it where it is one completion under one part."""
        if unit.count > 1:
            ends = range(unit.first, unit.first + unit.count)
            self.give_back([Unit(unit.place, number, 1, unit.parts) for number in ends])
            return
        self.scores[position.part][unit.place][unit.first] = unscorable(note)
        others = tuple(part for part in unit.parts if part != position.part)
        if others:
            self.give_back([Unit(unit.place, unit.first, 1, others)])
        else:
            self.done += 1

    def by_name(self) -> dict[str, list[list[Score]]]:
        """The scores, by name of the part; one list a prompt."""
        return dict(zip(self.names, self.scores, strict=True))
