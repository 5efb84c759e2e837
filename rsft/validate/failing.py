"""The rows that fail, kept as they are: written slice by slice, however many there are."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rsft.ledger import written_whole


class FailingRows:
    """A table of each row that fails, once.

    Its columns are ``row`` (the number among all rows, from 0), ``fails`` (ids of the
    expectations), and the row's own.
    """

    def __init__(self, file: Path, order: Sequence[str]) -> None:
        self._file = file
        self._order = order
        self._writer: pq.ParquetWriter | None = None

    def add(self, first: int, table: pa.Table, failing: Mapping[str, Sequence[int]]) -> None:
        """Writes the failing rows of a slice.

        Args:
            first: Number of its first row.
            table: The slice.
            failing: Numbers of the rows that fail, by id of the expectation.
        """
        rows = _failing_rows(first, table, [(i, failing[i]) for i in self._order if i in failing])
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, rows.schema, compression="zstd")
        elif not len(rows):
            return
        self._writer.write_table(rows)

    def close(self) -> None:
        """Ends the file."""
        if self._writer is not None:
            self._writer.close()


@contextmanager
def failing_rows(file: Path, order: Sequence[str]) -> Iterator[FailingRows]:
    """Opens a table of failing rows, which appears whole or not at all.

    Args:
        file: Where to; its folder is made.
        order: Ids of the expectations, in the order in which a row names those that it fails.

    Raises:
        LedgerError: Where it cannot be written.
    """
    with written_whole(file) as temporary:
        kept = FailingRows(temporary, order)
        try:
            yield kept
        finally:
            kept.close()


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
