"""Tables come back as they were written, whole or not at all."""

import errno
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
import pytest

from rsft import ledger
from rsft.errors import LedgerError
from rsft.ledger import read_rows, schema_of, write_rows
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
