"""Tables come back as they were written, whole or not at all."""

import errno
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from rsft import ledger
from rsft.errors import LedgerError
from rsft.ledger import (
    count_rows,
    read_rows,
    read_table,
    schema_of,
    stream_rows,
    table_of,
    write_rows,
    write_table,
    written_in_pieces,
)
from rsft.types import Answer, Candidate, Decided, Prompt, Scored, TrainingRow, Turn


def scored(draw: int = 0) -> Scored:
    return Scored(
        prompt_id="p1",
        round=1,
        draw=draw,
        policy_version="abc",
        text="n0 + n1 = r0",
        token_ids=(5, 6, 1),
        token_count=3,
        finish_reason="stop",
        proposal_logprob=-1.25,
        policy_logprob=-1.5,
        reward=None,
        reward_breakdown={"worked_solution": 1.0},
        score_status="ok",
        score_note=None,
        outcome=None,
        reference_logprob=None,
        is_canonical=None,
    )


def prompt(prompt_id: str, context: tuple[Turn, ...]) -> Prompt:
    return Prompt(
        prompt_id=prompt_id,
        text="And then?",
        context=context,
        answers=(),
        solution=None,
        family="f",
        source="s",
        licence="MIT",
    )


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [scored(0), replace(scored(1), reward=0.5, outcome="3", reward_breakdown={})]
    write_rows(tmp_path / "t.parquet", Scored, rows)
    assert read_rows(tmp_path / "t.parquet", Scored) == rows


def test_a_server_s_candidate_comes_back_without_its_tokens(tmp_path: Path) -> None:
    untold = replace(scored(1), token_ids=None, token_count=None, proposal_logprob=None)
    rows = [scored(0), untold, replace(scored(2), token_ids=())]
    write_rows(tmp_path / "t.parquet", Scored, rows)
    assert read_rows(tmp_path / "t.parquet", Scored) == rows
    assert pd.read_parquet(tmp_path / "t.parquet")["token_ids"].isna().tolist() == [
        False,
        True,
        False,
    ]


def test_a_dialogue_comes_back_and_is_read_by_others(tmp_path: Path) -> None:
    turns = (Turn(role="system", content="Be brief."), Turn(role="user", content="Why?\n🙂"))
    rows = [prompt("p1", turns), prompt("p2", ())]
    write_rows(tmp_path / "t.parquet", Prompt, rows)
    assert read_rows(tmp_path / "t.parquet", Prompt) == rows
    contexts = pd.read_parquet(tmp_path / "t.parquet")["context"]
    assert list(contexts[0]) == [asdict(turn) for turn in turns]
    assert list(contexts[1]) == []


@pytest.mark.parametrize("record", [Prompt, Candidate, Scored, Decided, TrainingRow, Answer])
def test_an_empty_table_has_its_columns(tmp_path: Path, record: type) -> None:
    write_rows(tmp_path / "t.parquet", record, [])
    assert read_rows(tmp_path / "t.parquet", record) == []
    assert list(pd.read_parquet(tmp_path / "t.parquet").columns) == schema_of(record).names


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.parquet", Scored, [scored()])
    write_rows(tmp_path / "b.parquet", Scored, [scored()])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_folder_is_read_in_order_of_its_parts(tmp_path: Path) -> None:
    write_rows(tmp_path / "part-00001.parquet", Scored, [scored(1)])
    write_rows(tmp_path / "part-00000.parquet", Scored, [scored(0)])
    assert [row.draw for row in read_rows(tmp_path, Scored)] == [0, 1]


def test_null_where_it_is_not_allowed_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="null"):
        write_rows(tmp_path / "t.parquet", Scored, [replace(scored(), text=None)])  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_rows_are_streamed_in_order_over_blocks_row_groups_and_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_STREAMED", 2)
    rows = [scored(draw) for draw in range(9)]
    tables = [table_of(Scored, rows[:5]), table_of(Scored, rows[5:8])]
    with written_in_pieces(tmp_path / "part-0.parquet") as write:
        for table in tables:
            write(table)
    write_rows(tmp_path / "part-1.parquet", Scored, rows[8:])
    assert list(stream_rows(tmp_path, Scored)) == rows
    with pytest.raises(LedgerError, match="not a table of Prompt"):
        list(stream_rows(tmp_path, Prompt))


@pytest.mark.parametrize("pieces", [(2,), (2, 0), (0, 2, 0), (0, 0)])
def test_one_piece_makes_the_bytes_of_a_table_and_pieces_without_rows_add_none(
    tmp_path: Path, pieces: tuple[int, ...]
) -> None:
    table = table_of(Scored, [scored(0), scored(1)])
    write_table(tmp_path / "whole.parquet", table.slice(0, max(pieces)))
    with written_in_pieces(tmp_path / "pieces.parquet") as write:
        for rows in pieces:
            write(table.slice(0, rows))
    assert (tmp_path / "pieces.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_small_pieces_share_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_GROUP_ROWS", 4)
    rows = [scored(draw) for draw in range(10)]
    with written_in_pieces(tmp_path / "t.parquet") as write:
        for start in range(0, 10, 2):
            write(table_of(Scored, rows[start : start + 2]))
    metadata = pq.read_metadata(tmp_path / "t.parquet")
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [4, 4, 2]
    assert read_rows(tmp_path / "t.parquet", Scored) == rows


def test_part_100000_comes_after_part_99999(tmp_path: Path) -> None:
    numbers = [99999, 100000, 9, 100001, 10000]
    for number in numbers:
        write_rows(tmp_path / f"part-{number:05}.parquet", Scored, [scored(number)])
    assert [row.draw for row in read_rows(tmp_path, Scored)] == sorted(numbers)


def test_pieces_that_end_early_leave_nothing(tmp_path: Path) -> None:
    def end_early() -> None:
        with written_in_pieces(tmp_path / "t.parquet") as write:
            write(table_of(Scored, [scored(0)]))
            raise LedgerError("refused")

    with pytest.raises(LedgerError, match="refused"):
        end_early()
    assert not list(tmp_path.iterdir())


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"no table here; run the stage that makes it"):
        read_rows(tmp_path / "none", Scored)


def test_a_corrupt_table_is_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.parquet", Scored, [scored()])
    data = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(LedgerError, match=r"t\.parquet: not a readable Parquet file"):
        read_rows(tmp_path / "t.parquet", Scored)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Other:
        prompt_id: str

    write_rows(tmp_path / "t.parquet", Other, [Other("p1")])
    with pytest.raises(LedgerError, match="not a table of Scored"):
        read_rows(tmp_path / "t.parquet", Scored)


def test_a_full_disk_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(table: object, where: Path, **_: object) -> None:
        Path(where).write_bytes(b"PAR1 half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ledger.pq, "write_table", full)
    with pytest.raises(LedgerError, match=r"t\.parquet: cannot be written \(No space left"):
        write_rows(tmp_path / "t.parquet", Scored, [scored()])
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_read_as_it_lies_and_counted_without_reading(tmp_path: Path) -> None:
    for part in (1, 0):
        write_rows(tmp_path / f"part-{part}.parquet", Scored, [scored(2 * part), scored(3)])
    table = read_table(tmp_path, Scored)
    assert table.schema.equals(schema_of(Scored))
    assert table["draw"].to_pylist() == [0, 3, 2, 3]
    assert count_rows(tmp_path) == 4
    with pytest.raises(LedgerError, match=r"part-0\.parquet: not a table of Decided; its columns"):
        read_table(tmp_path, Decided)


def test_a_foreign_table_is_read_where_its_schema_is_judged_later(tmp_path: Path) -> None:
    foreign = table_of(Scored, [scored()]).drop_columns(["draw"])
    ledger.write_table(tmp_path / "part-0.parquet", foreign)
    assert read_table(tmp_path).equals(foreign)
    write_rows(tmp_path / "part-1.parquet", Scored, [scored()])
    with pytest.raises(LedgerError, match=r"part-1\.parquet: its columns are not those of part-0"):
        read_table(tmp_path)


@pytest.mark.parametrize("read", [read_table, count_rows])
def test_a_missing_or_corrupt_table_is_named(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(LedgerError, match="no table here"):
        read(tmp_path)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(LedgerError, match=r"t\.parquet: not a readable Parquet file"):
        read(tmp_path)
