"""Each kind of trace is found in whatever table or document it is planted, and nothing else is."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from rsft.errors import LineageError
from rsft.ledger import write_rows, write_table
from rsft.prompts.forgotten import digest, question_digests
from rsft.rows import Wanted, name_value
from rsft.rows.scanning import (
    leaves_telling,
    rows_of_prompts,
    traces_in_document,
    traces_in_table,
)
from rsft.types import Decided, Leak, Prompt, TrainingRow, Turn
from tests.rows.cases import LEAK, TRAIN
from tests.stages.cases import decided, row

ASKED = TRAIN[0].text
WRITTEN = "TRAIN has 0 pens, and buys 7 more!"
"""The same in another writing."""
FORGOTTEN = Wanted(kind="prompt", name="train-0", hash=question_digests(ASKED, ())[-1])
KNOWN = ("train-1", "train-2", "train-3", "eval-0")
USER, MODEL = (
    Turn(role=role, content=content) for role, content in (("user", WRITTEN), ("assistant", "Why?"))
)


@pytest.mark.parametrize(
    ("record", "one", "traces"),
    [
        (TrainingRow, row(3, "x"), {}),
        (TrainingRow, row(0, "x"), {"stranger": 2, "question": 2}),
        (TrainingRow, replace(row(3, "x"), prompt=WRITTEN), {"question": 2}),
        (TrainingRow, replace(row(3, "x"), context=(USER, MODEL)), {"question": 2}),
        (TrainingRow, replace(row(3, "x"), context=(MODEL,)), {}),
        (TrainingRow, row(3, WRITTEN), {"text": 2}),
        (TrainingRow, replace(row(3, "x"), prompt_id="train-2b"), {"stranger": 2}),
        (Prompt, replace(TRAIN[3], text=WRITTEN), {"question": 2}),
        (Prompt, replace(TRAIN[3], solution=WRITTEN), {"text": 2}),
        (Decided, decided(3, WRITTEN), {"text": 2}),
        (Decided, decided(3, f"{WRITTEN} Or not?"), {}),
        (Leak, LEAK, {}),
        (Leak, replace(LEAK, evaluation_prompt_id="train-0"), {"stranger": 2}),
    ],
)
def test_traces_of_a_question(
    tmp_path: Path, record: type, one: object, traces: dict[str, int]
) -> None:
    file = tmp_path / "x.parquet"
    write_rows(file, record, [one, one])
    assert traces_in_table(file, FORGOTTEN, ids=(), known=KNOWN) == traces


def test_traces_of_an_id_that_its_source_gave(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    write_rows(file, TrainingRow, [row(1, "x"), row(3, "x")])
    ids = {digest("id", "train-3")}
    assert traces_in_table(file, FORGOTTEN, ids=ids, known=KNOWN) == {"id": 1}


@pytest.mark.parametrize(("kind", "value"), [("source", "test"), ("family", "family-1")])
def test_traces_of_a_source_or_a_family(tmp_path: Path, kind: str, value: str) -> None:
    """Of two rows both are of the source, one of the family."""
    file = tmp_path / "x.parquet"
    write_rows(file, TrainingRow, [row(1, "x"), row(2, "x")])
    found = traces_in_table(file, name_value(kind, value), ids=(), known=KNOWN)
    assert found == {"value": 2 if kind == "source" else 1}
    assert traces_in_table(file, name_value(kind, "else"), ids=(), known=KNOWN) == {}


def test_a_short_text_that_is_a_question_is_no_trace_in_a_completion(tmp_path: Path) -> None:
    wanted = Wanted(kind="prompt", name="x", hash=question_digests("Who are you?", ())[-1])
    file = tmp_path / "x.parquet"
    write_rows(file, Decided, [decided(3, "who are you")])
    assert traces_in_table(file, wanted, ids=(), known=KNOWN) == {}


def test_a_table_of_something_else_is_looked_through(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    write_table(file, pa.table({"words": [WRITTEN, None], "count": [1, 2]}))
    assert traces_in_table(file, FORGOTTEN, ids=(), known=()) == {"text": 1}
    assert rows_of_prompts(file, ["train-0"]) == 0


def test_rows_of_prompts_are_counted_once(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    write_rows(file, Leak, [LEAK, replace(LEAK, evaluation_prompt_id="e")])
    assert rows_of_prompts(file, ["train-1", "eval-0"]) == 2
    assert rows_of_prompts(file, ["eval-0"]) == 1


def test_documents_are_looked_through_leaf_by_leaf(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"a": [WRITTEN, {"train-0": 1}], "b": f"Told: {ASKED}"}))
    ids = {digest("id", "train-0")}
    assert traces_in_document(file, FORGOTTEN, ids) == {"id": 1, "text": 1}
    assert leaves_telling(file, ["train-0"], [ASKED]) == 2
    assert leaves_telling(file, ["train"], ["a"]) == 1


@pytest.mark.parametrize("content", [b"", b"PAR1", b"{"])
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(LineageError, match="x: no readable table"):
        rows_of_prompts(file, ["x"])
    with pytest.raises(LineageError, match="x: no JSON"):
        leaves_telling(file, ["x"], [])
