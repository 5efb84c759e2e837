"""The prompts of part after part, in one pass over their table wherever they keep its order."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from rsft import ledger
from rsft.errors import LedgerError
from rsft.ledger import stream_tables, write_rows
from rsft.stages import prompts_in_step
from rsft.stages.prompts_in_step import PromptsInStep
from rsft.types import Prompt
from tests.stages.cases import prompt


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[PromptsInStep, list[Path]]:
    """Seven prompts, three of which are looked through at a time, and each pass that is begun."""
    passes: list[Path] = []

    def counted(path: Path, record: type[Prompt]) -> Iterator[pa.Table]:
        passes.append(path)
        return stream_tables(path, record)

    monkeypatch.setattr(ledger, "_STREAMED", 3)
    monkeypatch.setattr(prompts_in_step, "stream_tables", counted)
    write_rows(tmp_path / "train.parquet", Prompt, [prompt(number) for number in range(7)])
    return PromptsInStep(tmp_path / "train.parquet"), passes


def rows(*numbers: int) -> pa.Table:
    ids = [f"train-{number}" for number in numbers]
    return pa.table({"prompt_id": pa.array(ids, pa.string())})


def of(prompts: PromptsInStep, *numbers: int) -> list[int]:
    found = prompts.of(rows(*numbers))["prompt_id"].to_pylist()
    return [int(prompt_id.removeprefix("train-")) for prompt_id in found]


def test_parts_in_order_take_one_pass(opened: tuple[PromptsInStep, list[Path]]) -> None:
    prompts, passes = opened
    assert of(prompts, 0, 0, 1) == [0, 1]
    assert of(prompts, 2, 3, 3) == [2, 3]
    assert of(prompts) == []
    assert of(prompts, 6, 5) == [5, 6]  # 4 has no rows
    assert len(passes) == 1


def test_what_lies_before_is_found_too(opened: tuple[PromptsInStep, list[Path]]) -> None:
    prompts, passes = opened
    assert of(prompts, 5, 6) == [5, 6]
    assert of(prompts, 6, 1) == [1, 6]
    assert of(prompts, 0) == [0]
    assert of(prompts, 6, 4) == [4, 6]
    assert len(passes) == 3


def test_a_row_of_no_prompt_is_an_error(opened: tuple[PromptsInStep, list[Path]]) -> None:
    prompts, _ = opened
    with pytest.raises(LedgerError, match=r"train\.parquet: prompt 'train-9', which has rows in"):
        of(prompts, 3, 9)
    assert of(prompts, 3) == [3]


def test_no_prompts_are_a_table_without_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "train.parquet", Prompt, [])
    empty = PromptsInStep(tmp_path / "train.parquet").of(rows())
    assert empty.num_rows == 0
    assert empty.column_names == list(Prompt.__slots__)
