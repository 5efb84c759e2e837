"""Reading tables of whatever columns, a file at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from rsft.addresses import one_line
from rsft.errors import LineageError

Read = TypeVar("Read")


def schema_in(file: Path) -> pa.Schema:
    """The columns of a table, with their types.

    Raises:
        LineageError: Where it is none.
    """
    return _guarded(file, lambda: pq.read_schema(file))


def columns_of(file: Path) -> set[str]:
    """Names of a table's columns; raises as ``schema_in``."""
    return set(schema_in(file).names)


def read_columns(file: Path, columns: Sequence[str]) -> pa.Table:
    """Columns of a table; raises as ``schema_in``."""
    # As one file: of a path, Arrow would make a data set, and a column of each folder with a "=".
    return _guarded(file, lambda: pq.ParquetFile(file).read(list(columns)))


def _guarded(file: Path, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except (pa.ArrowException, OSError) as error:
        line = one_line(error)
        raise LineageError(
            f"{file}: no readable table ({line}); `rsft audit` says what is broken"
        ) from None
