"""What a registered model says of the rows it was trained on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rsft.ledger import write_rows
from rsft.runs.registration import training_sources
from rsft.types import TrainingRow
from tests.stages.cases import row, settings

LABELLED = row(0, "n0 + n1 = r0", round=0)
FIRST = [row(0, "a"), replace(row(1, "b"), licence="unknown")]
LAST = [row(0, "a"), row(2, "c", round=2)]


@pytest.fixture(autouse=True)
def pools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of two rounds, from the second of which a row of the first has gone."""
    monkeypatch.chdir(tmp_path)
    for folder, rows in (("base", []), ("rounds/1", FIRST), ("rounds/2", LAST)):
        file = Path("data") / folder / "pool" / "kept.parquet"
        write_rows(file, TrainingRow, [LABELLED, *rows])


def found(start: str, *, handed_on: int = 2) -> list[tuple]:
    Path("data/rounds/2/handed_on.json").write_text(json.dumps({"round": handed_on}))
    sources = training_sources(settings("rounds=2", f"finetune.start={start}"))
    return [(f.source, f.licence, f.rows, f.prompts, f.families) for f in sources]


def test_a_model_that_began_at_the_base_was_trained_on_the_last_pool() -> None:
    assert found("base") == [("test", "CC0-1.0", 3, 3, 1)]


def test_one_that_went_on_from_round_to_round_on_each_pool_s_rows() -> None:
    assert found("previous") == [("test", "CC0-1.0", 3, 3, 1), ("test", "unknown", 1, 1, 1)]


def test_rounds_after_the_one_that_is_handed_on_have_no_part_in_it() -> None:
    assert found("base", handed_on=1) == [
        ("test", "CC0-1.0", 2, 2, 1),
        ("test", "unknown", 1, 1, 1),
    ]
    assert found("previous", handed_on=1) == found("base", handed_on=1)
    assert found("base", handed_on=0) == found("previous", handed_on=0) == [
        ("test", "CC0-1.0", 1, 1, 1)
    ]  # fmt: skip
