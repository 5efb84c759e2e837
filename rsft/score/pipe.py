"""What passes between a process and its workers: JSON, one document a line.

    ─► the settings ``score``, once
    ─► {"parts": names, "units": [[which of the parts, prompt, texts], …]}, a chunk
    ◄─ {"scores": [[one list of scores a part], …]}: of the units in order, a few at a time
    ◄─ {"defect": message}: a reward that is broken as such

JSON, since completions are hostile text, and nothing that is read becomes more than text and
numbers. Halves of characters are escaped, so that they pass too.

Which completion is being judged is told through a page of memory that both see: a worker that is
killed cannot say it any more, and a message for each would cost more than most rewards.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from rsft.score.reward import Score
from rsft.types import Prompt, Turn

_FIELDS = [field.name for field in fields(Prompt)]
_POSITION = struct.Struct("<qqd")
POSITION_BYTES = _POSITION.size
IDLE, LOADING = -1, -2
"""In place of a unit's number: waiting for work, and importing a reward."""
LOAD_SECONDS = 60.0
"""For starting and importing, and for taking work, however little time a completion has."""

OUT_OF_MEMORY = 77
"""Exit status of a worker where a reward wanted more memory than it may have."""


@dataclass(frozen=True, slots=True)
class Position:
    """What a worker is at."""

    unit: int
    """Number of the unit in its chunk, or ``IDLE`` or ``LOADING``."""
    part: int
    """Number of the part that judges it."""
    since: float
    """When it began, on the machine's monotonic clock, in seconds."""


def write_position(page: Any, position: Position) -> None:
    """Writes it into a page of memory."""
    _POSITION.pack_into(page, 0, position.unit, position.part, position.since)


def read_position(page: Any) -> Position:
    """Reads it from a page of memory."""
    return Position(*_POSITION.unpack_from(page, 0))


def line(message: object) -> bytes:
    """A message as a line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def pack_prompt(prompt: Prompt) -> list[Any]:
    """A prompt as a list of its fields."""
    values = [getattr(prompt, name) for name in _FIELDS]
    values[_FIELDS.index("context")] = [(turn.role, turn.content) for turn in prompt.context]
    return values


def unpack_prompt(values: Sequence[Any]) -> Prompt:
    """The prompt of a list of its fields."""
    named = dict(zip(_FIELDS, values, strict=True))
    named["context"] = tuple(Turn(role=role, content=text) for role, text in named["context"])
    named["answers"], named["choices"] = tuple(named["answers"]), tuple(named["choices"])
    return Prompt(**named)


def pack_score(score: Score) -> list[Any]:
    """A score as a list, short where it is a plain one."""
    if score.note is None and not score.breakdown:
        return [score.reward, score.outcome]
    return [score.reward, score.outcome, score.note, dict(score.breakdown)]


def unpack_score(
    reward: float | None,
    outcome: str | None,
    note: str | None = None,
    breakdown: dict[str, float] | None = None,
) -> Score:
    """The score of such a list."""
    return Score(
        reward=reward,
        outcome=outcome,
        note=note,
        breakdown=breakdown or {},
        status="unscorable" if reward is None else "ok",
    )
