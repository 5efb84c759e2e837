"""Tables on disk: Parquet, one row per record of ``rsft.types``, readable by anyone.

A table is a file or a folder of parts. Files appear whole or not at all.
"""

import dataclasses
import hashlib
import os
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from rsft.errors import LedgerError
from rsft.types import Turn

Record = TypeVar("Record")
_STREAMED = 8192
"""Rows read at a time."""
_BUFFER = 1 << 20
"""Bytes of a column read at a time."""
_GROUP_ROWS, _GROUP_BYTES = 100_000, 1 << 26
"""From how much on pieces are a row group."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a field of some type lies in a column."""

    arrow: pa.DataType
    to_arrow: Callable[[Any], Any] | None = None
    """Null where Arrow takes the value as it is."""
    from_arrow: Callable[[Any], Any] | None = None
    """Null where Arrow gives it back as it was."""


_KINDS = {
    str: _Kind(pa.string()),
    int: _Kind(pa.int64()),
    float: _Kind(pa.float64()),
    bool: _Kind(pa.bool_()),
    tuple[int, ...]: _Kind(pa.list_(pa.int32()), from_arrow=tuple),
    tuple[str, ...]: _Kind(pa.list_(pa.string()), from_arrow=tuple),
    dict[str, float]: _Kind(
        pa.map_(pa.string(), pa.float64()),
        to_arrow=lambda value: list(value.items()),
        from_arrow=dict,
    ),
    tuple[Turn, ...]: _Kind(
        pa.list_(
            pa.struct([pa.field(f.name, pa.string(), False) for f in dataclasses.fields(Turn)])
        ),
        to_arrow=lambda turns: [dataclasses.asdict(turn) for turn in turns],
        from_arrow=lambda turns: tuple(Turn(**turn) for turn in turns),
    ),
}


def schema_of(record: type[Any]) -> pa.Schema:
    """The Arrow schema of a record: its fields in order, nullable where ``None`` is allowed."""
    return pa.schema(
        [pa.field(name, kind.arrow, nullable) for name, kind, nullable in _columns_of(record)]
    )


def _columns_of(record: type[Any]) -> list[tuple[str, _Kind, bool]]:
    """Name and kind of each field, and whether it may be null."""
    hints = typing.get_type_hints(record)
    columns = []
    for field in dataclasses.fields(record):
        hint = hints[field.name]
        arguments = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        (kind,) = [a for a in arguments if a is not type(None)]
        if typing.get_origin(kind) is typing.Literal:
            kind = str
        columns.append((field.name, _KINDS[kind], type(None) in arguments))
    return columns


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
    held = list(rows)
    columns = {
        name: _each([getattr(row, name) for row in held], kind.to_arrow)
        for name, kind, _ in _columns_of(record)
    }
    return pa.table(columns, schema=schema_of(record))


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a Parquet file, whole or not at all.

    Raises:
        LedgerError: Where it cannot be written, the disk being full above all.
    """
    with written_whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


@contextmanager
def written_in_pieces(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """A Parquet file to write table after table, which appears whole or not at all.

    The first table gives it its columns. Small ones are put together into row groups, so that a
    single one makes the same bytes as ``write_table``.

    Raises:
        LedgerError: Where it cannot be written, the disk being full above all.
    """
    with written_whole(path) as temporary, ExitStack() as stack:
        writers: list[pq.ParquetWriter] = []
        held: list[pa.Table] = []

        def write_group() -> None:
            group = pa.concat_tables(held)
            if not writers:
                opened = pq.ParquetWriter(temporary, group.schema, compression="zstd")
                writers.append(stack.enter_context(opened))
            elif not len(group):
                return
            writers[0].write_table(group)
            held.clear()

        def write(table: pa.Table) -> None:
            held.append(table)
            if sum(map(len, held)) >= _GROUP_ROWS or sum(t.nbytes for t in held) >= _GROUP_BYTES:
                write_group()

        yield write
        if held:
            write_group()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file to write in place of another, which it then becomes; its folder is made.

    Raises:
        LedgerError: Where it cannot be written, the disk being full above all.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be written ({error.strerror or error}); what was finished before it "
            "is kept: make room and run again"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def file_sha256(file: Path) -> str:
    """SHA-256 of a file, read piece by piece."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read_rows(path: Path, record: type[Record]) -> list[Record]:
    """Reads a table as records: a Parquet file, or a folder's ``*.parquet`` in order.

    Raises:
        LedgerError: As ``read_tables``.
    """
    return [row for table in read_tables(path, record) for row in rows_of(table, record)]


def read_table(
    path: Path | Sequence[Path],
    record: type[Any] | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Reads a table as it lies, its values as columns.

    Args:
        path: A Parquet file, a folder whose ``*.parquet`` are read in order, or some of
            these files.
        record: What it must be a table of; null where the caller judges its schema.
        columns: Names of the columns to be read; by default all.

    Raises:
        LedgerError: As ``read_tables``; or where its parts differ in their columns.
    """
    files = files_of(path) if isinstance(path, Path) else path
    tables = [_read_file(file, record, columns) for file in files]
    for file, table in zip(files, tables, strict=True):
        if not table.schema.equals(tables[0].schema):
            raise LedgerError(
                f"{file}: its columns are not those of {files[0].name}; remove the folder and "
                "run again"
            )
    return pa.concat_tables(tables)


def read_tables(
    path: Path, record: type[Any] | None, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Reads a table part by part: a Parquet file, or a folder's ``*.parquet`` in order.

    Args:
        path: The file or folder.
        record: What it must be a table of, all columns considered; null for anything.
        columns: Names of the columns to be read; by default all.

    Raises:
        LedgerError: Where there is none, it cannot be read, or it is a table of something else.
    """
    return (_read_file(file, record, columns) for file in files_of(path))


def stream_tables(
    path: Path, record: type[Any], columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Reads a table some thousand rows at a time, in order.

    Args:
        path: A Parquet file, or a folder whose ``*.parquet`` are read in order.
        record: What it must be a table of, all columns considered.
        columns: Names of the columns to be read; by default all.

    Raises:
        LedgerError: As ``read_tables``.
    """
    for file in files_of(path):
        _refuse_other(file, record)
        with _read(file, _open_for_pieces) as opened:
            batches = opened.iter_batches(_STREAMED, columns=columns)
            while (batch := _read(file, lambda _: next(batches, None))) is not None:  # noqa: B023
                yield pa.Table.from_batches([batch])


def _open_for_pieces(file: Path) -> pq.ParquetFile:
    """A file whose row groups are not read whole in advance."""
    return pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER)


def stream_rows(path: Path, record: type[Record]) -> Iterator[Record]:
    """Reads a table as records, some thousand rows at a time.

    Raises:
        LedgerError: As ``read_tables``.
    """
    for table in stream_tables(path, record):
        yield from rows_of(table, record)


def count_rows(path: Path) -> int:
    """How many rows a table has, without reading them.

    Raises:
        LedgerError: Where there is none, or it cannot be read.
    """
    return sum(_read(file, pq.read_metadata).num_rows for file in files_of(path))


def extent_of(file: Path) -> tuple[int, int]:
    """Rows of a file, and bytes that its values take as they are encoded, without reading them.

    Raises:
        LedgerError: As ``count_rows``.
    """
    metadata = _read(file, pq.read_metadata)
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    return metadata.num_rows, sum(group.total_byte_size for group in groups)


def files_of(path: Path) -> list[Path]:
    """The files of a table: itself, or a folder's ``*.parquet`` in order of their numbers.

    That is: the shorter name first, as part 100000 comes after part 99999.

    Raises:
        LedgerError: Where there is none.
    """
    if path.is_dir():
        files = sorted(path.glob("*.parquet"), key=lambda file: (len(file.name), file.name))
    else:
        files = [path]
    if not files or not files[0].exists():
        raise LedgerError(f"{path}: no table here; run the stage that makes it (`rsft run`)")
    return files


def _read(file: Path, reader: Callable[[Path], Any]) -> Any:
    try:
        return reader(file)
    except (pa.ArrowException, OSError) as error:
        raise LedgerError(
            f"{file}: not a readable Parquet file ({error}); remove it and run again"
        ) from None


def _read_file(file: Path, record: type[Any] | None, columns: Sequence[str] | None) -> pa.Table:
    if record is not None:
        _refuse_other(file, record)
    return _read(file, lambda path: pq.read_table(path, columns=columns))


def _refuse_other(file: Path, record: type[Any]) -> None:
    if not is_table_of(file, record):
        names = _read(file, pq.read_schema).names
        raise LedgerError(f"{file}: not a table of {record.__name__}; its columns are {names}")


def is_table_of(file: Path, record: type[Any]) -> bool:
    """Whether a file's columns are those of a record.

    Raises:
        LedgerError: Where it cannot be read.
    """
    found, schema = _read(file, pq.read_schema), schema_of(record)
    return bool(found.names == schema.names and found.types == schema.types)


def rows_of(table: pa.Table, record: type[Record]) -> list[Record]:
    """A table's rows as records; columns that the record has not are left out."""
    names = schema_of(record).names
    columns = [
        _each(table.column(name).to_pylist(), kind.from_arrow)
        for name, kind, _ in _columns_of(record)
    ]
    return [
        record(**dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True)
    ]


def _each(values: list[Any], change: Callable[[Any], Any] | None) -> list[Any]:
    """The values, changed; null stays null."""
    if change is None:
        return values
    return [None if value is None else change(value) for value in values]
