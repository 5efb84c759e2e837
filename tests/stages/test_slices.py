"""Which parts of a table make a slice: none that would cut a prompt in two."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from rsft.errors import LedgerError
from rsft.ledger import table_of, write_rows, write_table
from rsft.stages import slices
from rsft.stages.slices import slices_of
from rsft.types import Decided
from tests.stages.cases import decided


def parts(folder: Path, *prompts: list[int]) -> None:
    for place, numbers in enumerate(prompts):
        rows = [decided(number, f"text {row}") for row, number in enumerate(numbers)]
        write_rows(folder / f"part-{place}.parquet", Decided, rows)


def sliced(folder: Path, rows: int) -> list[str]:
    return [
        "".join(file.stem.removeprefix("part-") for file in files)
        for files in slices_of(folder, Decided, rows)
    ]


def test_a_slice_is_full_from_so_many_rows_on(tmp_path: Path) -> None:
    parts(tmp_path, [0, 0], [1], [2], [], [3, 3, 3], [4])
    assert sliced(tmp_path, 1) == ["0", "1", "2", "34", "5"]
    assert sliced(tmp_path, 3) == ["01", "234", "5"]
    assert sliced(tmp_path, 9) == ["012345"]


def test_long_texts_fill_a_slice_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_BYTES", 10_000)
    for place in range(5):
        text = "".join(map(str, range(4000 if place < 3 else 10)))
        write_rows(tmp_path / f"part-{place}.parquet", Decided, [decided(place, text)])
    assert sliced(tmp_path, 99) == ["0", "1", "2", "34"]


def test_a_prompt_may_lie_in_two_parts_of_a_slice(tmp_path: Path) -> None:
    parts(tmp_path, [0], [0], [1], [2])
    assert sliced(tmp_path, 2) == ["01", "23"]


def test_a_prompt_that_comes_again_makes_all_one_slice(tmp_path: Path) -> None:
    parts(tmp_path, [0], [1], [0])
    assert sliced(tmp_path, 1) == ["012"]


def test_a_part_of_other_columns_makes_all_one_slice(tmp_path: Path) -> None:
    parts(tmp_path, [0], [1])
    other = table_of(Decided, [decided(2, "a")]).append_column("surprise", pa.array([1]))
    write_table(tmp_path / "part-2.parquet", other)
    assert sliced(tmp_path, 1) == ["012"]


def test_a_row_without_its_prompt_is_of_some_prompt(tmp_path: Path) -> None:
    for place in range(2):
        table = table_of(Decided, [replace(decided(place, "a"), prompt_id=None)])
        nullable = pa.table(table.columns, names=table.column_names)
        write_table(tmp_path / f"part-{place}.parquet", nullable)
    assert sliced(tmp_path, 1) == ["01"]


def test_no_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no table here"):
        slices_of(tmp_path, Decided, 1)
