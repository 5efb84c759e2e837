import dataclasses

import pytest

from rsft.interop.meanings import column_meanings
from rsft.ledger import schema_of
from rsft.types import (
    Answer,
    Candidate,
    Decided,
    Leak,
    Prompt,
    PromptAcceptance,
    PromptDraws,
    Scored,
    TrainingRow,
)

TABLES = (
    Answer, Candidate, Decided, Leak, Prompt, PromptAcceptance, PromptDraws, Scored, TrainingRow
)  # fmt: skip


@pytest.mark.parametrize("record", TABLES)
def test_every_column_of_a_table_has_its_meaning(record: type) -> None:
    meanings = column_meanings(schema_of(record).names)
    assert meanings.keys() == {field.name for field in dataclasses.fields(record)}
    assert all(text and "\n" not in text for text in meanings.values())


def test_it_is_that_of_the_record_that_the_table_is_of() -> None:
    of_rows, of_draws = (column_meanings(schema_of(r).names) for r in (TrainingRow, Decided))
    assert of_rows["round"] == "The round whose candidates it came from; 0 for labelled rows."
    assert (
        of_draws["round"] == "The round it was drawn in, from 1; 0 for draws made while evaluating."
    )
    assert of_draws["coin"].startswith("The uniform number in [0, 1)")


def test_another_table_s_columns_are_not_guessed_at() -> None:
    assert column_meanings(["prompt_id", "weight"]) == {}
