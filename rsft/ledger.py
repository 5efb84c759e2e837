"""Tables on disk: Parquet, one row per record of ``rsft.types``, readable by anyone.

A table is a file or a folder of parts. Files appear whole or not at all.
"""

import dataclasses
import os
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from rsft.errors import LedgerError

Record = TypeVar("Record")

_ARROW = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    tuple[int, ...]: pa.list_(pa.int32()),
    dict[str, float]: pa.map_(pa.string(), pa.float64()),
}


def schema_of(record: type[Any]) -> pa.Schema:
    """The Arrow schema of a record: its fields in order, nullable where ``None`` is allowed."""
    hints = typing.get_type_hints(record)
    return pa.schema([_arrow_field(f.name, hints[f.name]) for f in dataclasses.fields(record)])


def _arrow_field(name: str, hint: Any) -> pa.Field:
    arguments = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    (kind,) = [a for a in arguments if a is not type(None)]
    if typing.get_origin(kind) is typing.Literal:
        kind = str
    return pa.field(name, _ARROW[kind], nullable=type(None) in arguments)


def write_rows(path: Path, record: type[Record], rows: Iterable[Record]) -> None:
    """Writes a table to a Parquet file, whole or not at all.

    Args:
        path: The file; its folder is made.
        record: The rows' type, which gives the schema, also of an empty table.
        rows: Instances of it.
    """
    write_table(path, table_of(record, rows))


def table_of(record: type[Record], rows: Iterable[Record]) -> pa.Table:
    """Rows as an Arrow table with the record's schema."""
    schema = schema_of(record)
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for row in rows:
        for name, column in columns.items():
            value = getattr(row, name)
            column.append(list(value.items()) if isinstance(value, dict) else value)
    return pa.table(columns, schema=schema)


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a Parquet file, whole or not at all.

    Raises:
        LedgerError: Where it cannot be written, the disk being full above all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(path)
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be written ({error.strerror or error}); what was finished before it "
            "is kept: make room and run again"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def read_rows(path: Path, record: type[Record]) -> list[Record]:
    """Reads a table: a Parquet file, or a folder's ``*.parquet`` in order of name.

    Raises:
        LedgerError: Where there is none, it cannot be read, or it is a table of something else.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise LedgerError(f"{path}: no table here; run the stage that makes it (`rsft run`)")
    return [row for file in files for row in _read_file(file, record)]


def _read_file(file: Path, record: type[Record]) -> list[Record]:
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise LedgerError(
            f"{file}: not a readable Parquet file ({error}); remove it and run again"
        ) from None
    schema = schema_of(record)
    if table.schema.names != schema.names or table.schema.types != schema.types:
        raise LedgerError(
            f"{file}: not a table of {record.__name__}; its columns are {table.schema.names}"
        )
    return rows_of(table, record)


def rows_of(table: pa.Table, record: type[Record]) -> list[Record]:
    """A table's rows as records; columns that the record has not are left out."""
    names = schema_of(record).names
    columns = [_python_column(table.column(name)) for name in names]
    return [
        record(**dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True)
    ]


def _python_column(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if pa.types.is_map(column.type):
        return [dict(value) for value in values]
    if pa.types.is_list(column.type):
        return [tuple(value) for value in values]
    return values
