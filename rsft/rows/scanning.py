"""Looking through files for what is followed: by ids, and by hash where nobody knows them any more.

Every table is looked through, whatever its columns. What counts as a trace:

    id         a row of one of the prompts, by ``prompt_id`` or ``evaluation_prompt_id``
    question   a row whose question, with the turns before it, has the hash, or goes on from it
    value      a row of the source, family or licence
    text       any other text of at least ``_LEAST_WORDS`` words that is the question and no more
    stranger   a row of a prompt that is not among the run's prompts: nobody knows where it is from

Not found are paraphrases, and the question within a longer text.
"""

import io
import json
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rsft.errors import LineageError
from rsft.prompts.forgotten import VALUES, digest, question_digests
from rsft.rows.naming import Wanted
from rsft.rows.tables import columns_of, read_columns, schema_in
from rsft.types import Turn

_ID_COLUMNS = ("prompt_id", "evaluation_prompt_id")
_LEAST_WORDS = 5
"""People write ``Hello`` without having read it."""


def rows_of_prompts(file: Path, ids: Collection[str]) -> int:
    """How many rows of a table are of some prompts."""
    columns = [name for name in _ID_COLUMNS if name in columns_of(file)]
    table = read_columns(file, columns)
    wanted = pa.array(sorted(ids), pa.string())
    is_one = [pc.is_in(table[name], value_set=wanted).to_pylist() for name in columns]
    return sum(map(any, zip(*is_one, strict=True)))


def rows_of_others(file: Path, ids: Collection[str]) -> bytes:
    """A table without the rows of some prompts, as a file."""
    table = read_columns(file, schema_in(file).names)
    wanted = pa.array(sorted(ids), pa.string())
    for name in (name for name in _ID_COLUMNS if name in table.column_names):
        table = table.filter(
            pc.invert(pc.fill_null(pc.is_in(table[name], value_set=wanted), False))
        )
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


def leaves_telling(file: Path, ids: Collection[str], texts: Collection[str]) -> int:
    """How many texts of a JSON document are one of some ids or texts, or quote a long one."""
    long = [text for text in texts if _is_long(text)]
    return sum(
        leaf in ids or leaf in texts or any(text in leaf for text in long)
        for leaf in leaves(_document(file))
    )


def traces_in_table(
    file: Path, wanted: Wanted, *, ids: Collection[str], known: Collection[str] | None
) -> dict[str, int]:
    """What a table has of what is forgotten.

    Args:
        file: A Parquet file.
        wanted: What is forgotten.
        ids: Hashes of ids under which it is.
        known: Ids of the prompts that the run may have rows of; null where nobody knows any more.

    Returns:
        Rows by kind of trace; empty where there is none.
    """
    schema = schema_in(file)
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    asked = {"prompt", "text"} & set(texts) if "context" in schema.names else set()
    table = read_columns(file, [*texts, *(["context"] if asked else [])])
    found: dict[str, int] = {}
    for name in texts:
        if name in _ID_COLUMNS:
            _count(found, "id", table[name], lambda value: digest("id", value) in ids)
            if known is not None:
                _count(found, "stranger", table[name], lambda value: value not in known)
        elif name == wanted.kind:
            _count(found, "value", table[name], lambda v: digest(wanted.kind, v) == wanted.hash)
        elif name not in (*VALUES, *asked) and wanted.kind == "prompt":
            _count(found, "text", table[name], lambda value: _is_question(value, wanted.hash))
    for name in asked:
        questions = zip(table[name].to_pylist(), table["context"].to_pylist(), strict=True)
        rows = sum(wanted.hash in _digests(text, _turns(turns)) for text, turns in questions)
        found |= {"question": rows} if rows else {}
    return found


def traces_in_document(file: Path, wanted: Wanted, ids: Collection[str]) -> dict[str, int]:
    """What a JSON document has of it, as ``traces_in_table``; its texts are its rows."""
    found = {"id": 0, "value": 0, "text": 0}
    for leaf in leaves(_document(file)):
        found["id"] += digest("id", leaf) in ids
        found["value"] += digest(wanted.kind, leaf) == wanted.hash
        found["text"] += wanted.kind == "prompt" and _is_question(leaf, wanted.hash)
    return {kind: count for kind, count in found.items() if count}


def _count(found: dict[str, int], kind: str, column: pa.ChunkedArray, is_trace: Any) -> None:
    """Adds up the rows of the values that are traces; each value is looked at once."""
    values = column.drop_null().value_counts()
    rows = sum(n.as_py() for value, n in _pairs(values) if is_trace(value.as_py()))
    if rows:
        found[kind] = found.get(kind, 0) + rows


def _pairs(counts: pa.StructArray) -> Iterator[tuple[pa.Scalar, pa.Scalar]]:
    return zip(counts.field("values"), counts.field("counts"), strict=True)


def _is_question(text: str, wanted: str) -> bool:
    return _is_long(text) and wanted in _digests(text, ())


def _is_long(text: str) -> bool:
    return len(text.split(maxsplit=_LEAST_WORDS)) >= _LEAST_WORDS


@lru_cache(maxsize=1 << 17)
def _digests(text: str, turns: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    context = [Turn(role=role, content=content) for role, content in turns]  # type: ignore[arg-type]
    return tuple(question_digests(text, context))


def _turns(turns: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((turn["role"], turn["content"]) for turn in turns)


def leaves(value: Any) -> Iterator[str]:
    """The texts in a document, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from leaves(below)
    elif isinstance(value, list):
        for below in value:
            yield from leaves(below)


def _document(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except ValueError:
        raise LineageError(f"{file}: no JSON; `rsft audit` says what is broken") from None
