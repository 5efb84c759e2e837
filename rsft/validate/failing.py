"""The rows that fail, kept as they are: written slice by slice, however many there are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from rsft.ledger import written_in_pieces

OnFailing = Callable[[int, pa.Table, Mapping[str, Sequence[int]]], None]
"""Takes the number of a slice's first row, the slice, and the numbers of the rows that fail by id
of the expectation."""


@contextmanager
def failing_rows(file: Path, order: Sequence[str]) -> Iterator[OnFailing]:
    """Opens a table of each row that fails, once, which appears whole or not at all.

    Its columns are ``row`` (the number among all rows, from 0), ``fails`` (ids of the
    expectations), and the row's own.

    Args:
        file: Where to; its folder is made.
        order: Ids of the expectations, in the order in which a row names those that it fails.

    Raises:
        LedgerError: Where it cannot be written.
    """
    with written_in_pieces(file) as write:

        def keep(first: int, table: pa.Table, failing: Mapping[str, Sequence[int]]) -> None:
            write(_failing_rows(first, table, [(i, failing[i]) for i in order if i in failing]))

        yield keep


def _failing_rows(
    first: int, table: pa.Table, failing: Sequence[tuple[str, Sequence[int]]]
) -> pa.Table:
    """A million may fail, so they stay columns of their own types."""
    row_F = np.concatenate([np.zeros(0, np.int64), *(np.array(r, np.int64) for _, r in failing)])
    id_F = np.repeat(np.arange(len(failing)), [len(rows) for _, rows in failing])
    number_R, count_R = np.unique(row_F, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(count_R)]).astype(np.int32)
    ids = pa.array([expectation for expectation, _ in failing], pa.string())
    fails = ids.take(pa.array(id_F[np.argsort(row_F, kind="stable")]))
    rows = table.take(pa.array(number_R - first))
    columns = [pa.array(number_R), pa.ListArray.from_arrays(pa.array(ends), fails), *rows.columns]
    return pa.table(columns, names=["row", "fails", *rows.column_names])
