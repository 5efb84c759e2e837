"""The training prompts of a round's parts, read in step with them.

``generate`` writes candidates in the order of the prompts' table, and later stages keep it: one
pass over the table meets the prompts of part after part, and memory holds those of one.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rsft.errors import LedgerError
from rsft.ledger import schema_of, stream_tables
from rsft.types import Prompt


class PromptsInStep:
    """A pass over a table of prompts, begun anew where rows are not in its order."""

    def __init__(self, file: Path) -> None:
        """Opens it.

        Args:
            file: A table of ``Prompt``.
        """
        self._file = file
        self._pieces, self._piece = _opened(file)

    def of(self, rows: pa.Table) -> pa.Table:
        """The prompts that some rows are of, each once.

        Args:
            rows: Any table with ``prompt_id``: a part, or several.

        Raises:
            LedgerError: Where there is no such prompt.
        """
        wanted = rows["prompt_id"].unique()
        found = self._found(wanted)
        if len(found) < len(wanted):
            self._pieces, self._piece = _opened(self._file)
            found = self._found(wanted)
        if len(found) < len(wanted):
            there = found["prompt_id"].combine_chunks()
            missing = wanted.filter(pc.invert(pc.is_in(wanted, value_set=there)))
            raise LedgerError(
                f"{self._file}: prompt {missing[0].as_py()!r}, which has rows in this round, is "
                "not in it; run `rsft run` again"
            )
        return found

    def _found(self, wanted: pa.Array) -> pa.Table:
        """Those of the wanted prompts that come from here on, up to the last of them."""
        found, left = [], len(wanted)
        while True:
            found.append(self._piece.filter(pc.is_in(self._piece["prompt_id"], value_set=wanted)))
            left -= len(found[-1])
            if not left or (piece := next(self._pieces, None)) is None:
                return pa.concat_tables(found)
            self._piece = piece


def _opened(file: Path) -> tuple[Iterator[pa.Table], pa.Table]:
    """The pieces of a table but the first, and the first."""
    pieces = stream_tables(file, Prompt)
    return pieces, next(pieces, schema_of(Prompt).empty_table())
