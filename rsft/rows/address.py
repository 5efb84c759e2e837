"""Names of rows: ``PROMPT_ID:ROUND:DRAW``. A prompt's id may hold colons itself."""

import re
from dataclasses import dataclass
from typing import Self

from rsft.errors import LineageError

_NAME = re.compile(r"(.+):([0-9]{1,9}):([0-9]{1,9})", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAddress:
    """Which row of a run."""

    prompt_id: str
    """The prompt."""
    round: int
    """The round that it was drawn in, from 1; 0 for labelled rows."""
    draw: int
    """Number of the draw, from 0; 0 for labelled rows."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a name.

        Raises:
            LineageError: Where it is none.
        """
        found = _NAME.fullmatch(text)
        if found is None:
            raise LineageError(
                f"{text!r} names no row; write PROMPT_ID:ROUND:DRAW, such as train-00012:1:3. "
                "`rsft trace PROMPT_ID` lists what was accepted of a prompt"
            )
        return cls(prompt_id=found[1], round=int(found[2]), draw=int(found[3]))

    def __str__(self) -> str:
        return f"{self.prompt_id}:{self.round}:{self.draw}"
