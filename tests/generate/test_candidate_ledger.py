"""What was drawn stays drawn: whole parts, proven at opening, whoever reads them."""

import errno
from pathlib import Path

import duckdb
import pandas as pd
import polars
import pyarrow.parquet as pq
import pytest

from rsft import ledger as tables
from rsft.errors import LedgerError
from rsft.generate import CandidateLedger, Request
from rsft.ledger import read_rows
from rsft.types import Candidate, Turn
from tests.generate.cases import ask, drawn

A, B, C = ask("a"), ask("b"), ask("c")
PLAN = {"temperature": 1.0}


def want(*pairs: tuple[object, range]) -> list[Request]:
    return [Request(prompt=prompt, draws=draws) for prompt, draws in pairs]


def open_ledger(folder: Path, plan: dict | None = None) -> CandidateLedger:
    return CandidateLedger(folder, plan or PLAN, seed=7)


def fill(folder: Path, *parts: list[Request]) -> CandidateLedger:
    ledger = open_ledger(folder)
    for requests in parts:
        ledger.append(requests, drawn(requests))
    return ledger


def test_what_was_drawn_is_not_missing_after_reopening(tmp_path: Path) -> None:
    fill(tmp_path, want((A, range(4)), (B, range(2))))
    ledger = open_ledger(tmp_path)
    assert ledger.missing(want((A, range(4)))) == []
    assert ledger.missing(want((A, range(4)), (B, range(4)), (C, range(1)))) == want(
        (B, range(2, 4)), (C, range(1))
    )


def test_sixteen_draws_after_eight_lack_only_eight(tmp_path: Path) -> None:
    ledger = fill(tmp_path, want((A, range(8)), (B, range(8))))
    missing = ledger.missing(want((A, range(16)), (B, range(16))))
    assert missing == want((A, range(8, 16)), (B, range(8, 16)))
    ledger.append(missing, drawn(missing))
    assert ledger.take(want((A, range(16)))) == drawn(want((A, range(16))))


def test_a_gap_is_two_requests(tmp_path: Path) -> None:
    ledger = fill(tmp_path, want((A, range(2, 4))))
    assert ledger.missing(want((A, range(6)))) == want((A, range(2)), (A, range(4, 6)))


def test_candidates_come_in_the_order_asked_for_from_any_part(tmp_path: Path) -> None:
    ledger = fill(
        tmp_path, want((C, range(2)), (A, range(3))), want((B, range(2)), (C, range(2, 4)))
    )
    asked = want((A, range(1, 3)), (B, range(2)), (C, range(4)))
    assert ledger.take(asked) == drawn(asked)
    assert ledger.take([]) == []


def test_the_output_does_not_depend_on_the_parts(tmp_path: Path) -> None:
    asked = want((A, range(4)), (B, range(4)), (C, range(4)))
    at_once, piecemeal = tmp_path / "1.parquet", tmp_path / "2.parquet"
    fill(tmp_path / "1", asked).write(asked, at_once)
    parts = want((C, range(4)), (B, range(2))), want((A, range(4)), (B, range(2, 4)))
    fill(tmp_path / "2", *parts).write(asked, piecemeal)
    assert at_once.read_bytes() == piecemeal.read_bytes()
    assert read_rows(at_once, Candidate) == drawn(asked)


def test_nothing_asked_for_is_an_empty_table(tmp_path: Path) -> None:
    fill(tmp_path / "l").write([], tmp_path / "out.parquet")
    assert read_rows(tmp_path / "out.parquet", Candidate) == []


def test_another_plan_has_its_own_rows(tmp_path: Path) -> None:
    fill(tmp_path, want((A, range(4))))
    other = open_ledger(tmp_path, {"temperature": 0.5})
    assert other.missing(want((A, range(4)))) == want((A, range(4)))


def test_another_text_under_the_same_id_is_another_prompt(tmp_path: Path) -> None:
    ledger = fill(tmp_path, want((A, range(4))))
    for changed in (
        ask("a", "what is a?"),
        ask("a", context=(Turn(role="system", content="be brief"),)),
    ):
        assert ledger.missing(want((changed, range(4)))) == want((changed, range(4)))


def test_a_row_carries_its_whole_key_for_any_reader(tmp_path: Path) -> None:
    folder = fill(tmp_path, want((A, range(2))), want((B, range(1)))).folder
    frame = pd.read_parquet(folder)
    assert list(frame["prompt_id"]) == ["a", "a", "b"]
    assert list(frame["draw"]) == [0, 1, 0]
    assert set(frame["seed"]) == {7}
    assert set(frame["plan"]) == {folder.name}
    assert frame.groupby(["prompt_id", "prompt_hash"]).ngroups == 2
    assert set(frame["policy_version"]) == {"v1"}


def test_polars_and_duckdb_read_it(tmp_path: Path) -> None:
    folder = fill(tmp_path, want((A, range(2))), want((B, range(1)))).folder
    assert polars.read_parquet(folder / "*.parquet").height == 3
    query = f"SELECT count(*) FROM '{folder}/*.parquet' WHERE len(token_ids) = 2"
    assert duckdb.connect().execute(query).fetchone() == (3,)


def test_what_a_killed_run_left_is_dropped(tmp_path: Path) -> None:
    ledger = fill(tmp_path, want((A, range(2))))
    (ledger.folder / ".part-00001.parquet.77.tmp").write_bytes(b"PAR1 half")
    open_ledger(tmp_path)
    assert not list(ledger.folder.glob(".*.tmp"))


def test_a_part_that_was_not_listed_in_time_is_listed_now(tmp_path: Path) -> None:
    """Killed between the part and the manifest."""
    ledger = fill(tmp_path, want((A, range(2))))
    manifest = (ledger.folder / "_manifest.json").read_text()
    ledger.append(want((B, range(2))), drawn(want((B, range(2)))))
    (ledger.folder / "_manifest.json").write_text(manifest)
    again = open_ledger(tmp_path)
    assert again.missing(want((A, range(2)), (B, range(2)))) == []
    assert "part-00001" in (ledger.folder / "_manifest.json").read_text()


def test_a_part_that_was_removed_is_drawn_anew(tmp_path: Path) -> None:
    ledger = fill(tmp_path, want((A, range(2))), want((B, range(2))))
    (ledger.folder / "part-00000.parquet").unlink()
    again = open_ledger(tmp_path)
    missing = again.missing(want((A, range(2)), (B, range(2))))
    assert missing == want((A, range(2)))
    again.append(missing, drawn(missing))
    assert open_ledger(tmp_path).take(want((A, range(2)))) == drawn(want((A, range(2))))


def test_a_kill_after_a_part_was_removed_accuses_no_sound_part(tmp_path: Path) -> None:
    """Its name is taken by a new part, and the old manifest knows that name's old hash."""
    ledger = fill(tmp_path, want((A, range(2))))
    (ledger.folder / "part-00000.parquet").unlink()
    again = open_ledger(tmp_path)
    manifest = (ledger.folder / "_manifest.json").read_text()
    again.append(want((A, range(3))), drawn(want((A, range(3)))))
    (ledger.folder / "_manifest.json").write_text(manifest)
    assert open_ledger(tmp_path).missing(want((A, range(3)))) == []


def test_a_folder_in_a_part_s_place_is_named(tmp_path: Path) -> None:
    folder = fill(tmp_path, want((A, range(2)))).folder
    (folder / "x.parquet").mkdir()
    with pytest.raises(LedgerError, match=r"x\.parquet: not a part but a folder"):
        open_ledger(tmp_path)


def test_a_ledger_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("in the way")
    with pytest.raises(LedgerError, match=r"cannot be used \(Not a directory\)"):
        open_ledger(tmp_path / "ledger")


def flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


@pytest.mark.parametrize("damage", [flip_a_byte, cut_in_half])
def test_a_corrupted_part_is_named_and_refused(tmp_path: Path, damage) -> None:
    ledger = fill(tmp_path, want((A, range(2))), want((B, range(2))))
    damage(ledger.folder / "part-00001.parquet")
    with pytest.raises(LedgerError, match=r"part-00001\.parquet: not the part that was drawn"):
        open_ledger(tmp_path)


def test_a_foreign_part_is_named_and_refused(tmp_path: Path) -> None:
    ledger = fill(tmp_path, want((A, range(2))))
    other = open_ledger(tmp_path, {"temperature": 0.5})
    other.append(want((B, range(2))), drawn(want((B, range(2)))))
    stray = ledger.folder / "part-00009.parquet"
    stray.write_bytes((other.folder / "part-00000.parquet").read_bytes())
    with pytest.raises(LedgerError, match=r"part-00009\.parquet: not a part of this ledger"):
        open_ledger(tmp_path)


@pytest.mark.parametrize("content", [b"not parquet", b""])
def test_a_file_that_is_no_part_is_named_and_refused(tmp_path: Path, content: bytes) -> None:
    folder = fill(tmp_path, want((A, range(2)))).folder
    (folder / "part-00005.parquet").write_bytes(content)
    with pytest.raises(LedgerError, match=r"part-00005\.parquet: not a readable part.*remove it"):
        open_ledger(tmp_path)


def test_a_table_without_the_metadata_of_a_part_is_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path, want((A, range(2)))).folder
    table = pq.read_table(folder / "part-00000.parquet").replace_schema_metadata(None)
    pq.write_table(table, folder / "part-00001.parquet")
    with pytest.raises(LedgerError, match=r"part-00001\.parquet: not a part of this ledger"):
        open_ledger(tmp_path)


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    folder = fill(tmp_path, want((A, range(2)))).folder
    (folder / "_manifest.json").write_text("{")
    with pytest.raises(LedgerError, match=r"manifest\.json: not a ledger's manifest; remove it"):
        open_ledger(tmp_path)
    (folder / "_manifest.json").unlink()
    assert open_ledger(tmp_path).missing(want((A, range(2)))) == []


def test_a_full_disk_names_the_part_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = fill(tmp_path, want((A, range(2))))

    def full(table: object, where: Path, **_: object) -> None:
        Path(where).write_bytes(b"PAR1")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tables.pq, "write_table", full)
        with pytest.raises(LedgerError, match=r"part-00001\.parquet: cannot be written \(No space"):
            ledger.append(want((B, range(2))), drawn(want((B, range(2)))))
    again = open_ledger(tmp_path)
    assert again.missing(want((A, range(2)), (B, range(2)))) == want((B, range(2)))
    again.append(want((B, range(2))), drawn(want((B, range(2)))))
