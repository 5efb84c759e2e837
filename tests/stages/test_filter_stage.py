"""Every candidate gets a decision; a round of which nothing is accepted stops before it writes."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rsft import ledger
from rsft.errors import AcceptanceError
from rsft.filter import decide, decided_tables, read_candidates
from rsft.ledger import read_rows, rows_of, table_of, write_rows
from rsft.stages import filter as stage
from rsft.types import Decided, PromptAcceptance, PromptDraws, Scored
from tests.stages.cases import decided, settings, silent, write_handed_on

FOLDER = Path("data/rounds/1")


def scored(number: int, text: str, draw: int, *, reward: float | None, finished: bool) -> Scored:
    whole = decided(number, text, draw=draw, reward=reward, is_finished=finished)
    return Scored(**{field.name: getattr(whole, field.name) for field in fields(Scored)})


MIXED = [
    scored(number, text, draw, reward=reward, finished=finished)
    for number in range(4)
    for draw, (text, reward, finished) in enumerate(
        [("a", 1.0, True), ("b", 0.0, True), ("c", 1.0, False), ("d", None, True), ("e", 1.0, True)]
    )
]
HOPELESS = [row for row in MIXED if row.text in "bcd"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_handed_on(Path("data/base"), 0)


def run(rows: list[Scored]) -> None:
    write_rows(FOLDER / "scored" / "part-00000.parquet", Scored, rows[:7])
    write_rows(FOLDER / "scored" / "part-00001.parquet", Scored, rows[7:])
    write_rows(FOLDER / "draws.parquet", PromptDraws, [])
    stage.run(settings("rounds=1"), "1", silent)


def test_every_candidate_has_a_decision_and_the_accepted_ones_a_table() -> None:
    run(MIXED)
    config = settings("rounds=1")
    decisions = read_rows(FOLDER / "decisions", Decided)
    table = table_of(Scored, MIXED)
    candidates = read_candidates([table], config.filter)
    expected = decide(candidates, config.filter, seed=config.seed, round=1)
    (whole,) = decided_tables([table], candidates, expected, config.filter)
    assert decisions == rows_of(whole, Decided)
    accepted = read_rows(FOLDER / "accepted", Decided)
    assert accepted == [row for row in decisions if row.is_accepted]
    assert {row.text for row in accepted} == {"a", "e"}


def test_the_diagnostics_count_what_the_tables_hold() -> None:
    run(MIXED)
    figures = json.loads((FOLDER / "decisions" / "diagnostics.json").read_text())
    accepted = len(read_rows(FOLDER / "accepted", Decided))
    assert (figures["prompts"], figures["candidates"]) == (4, 20)
    assert figures["accepted"] == figures["reasons"]["accepted"] == accepted
    assert figures["acceptance_rate"] == accepted / 20
    assert (figures["reasons"]["truncated"], figures["reasons"]["unscorable"]) == (4, 4)


def test_each_prompt_has_its_figures() -> None:
    run(MIXED)
    rows = read_rows(FOLDER / "acceptance.parquet", PromptAcceptance)
    accepted = read_rows(FOLDER / "accepted", Decided)
    assert [row.prompt_id for row in rows] == list(dict.fromkeys(row.prompt_id for row in MIXED))
    assert sum(row.accepted for row in rows) == len(accepted)
    assert {(row.candidates, row.unscorable, row.supported) for row in rows} == {(5, 1, 2)}


def test_the_draws_say_how_hard_a_prompt_is() -> None:
    """By their estimate the second is the hardest, though as many of its completions are right."""
    names = list(dict.fromkeys(row.prompt_id for row in MIXED))
    rates = dict.fromkeys(names, 0.9) | {names[1]: 0.4}
    draws = [
        PromptDraws(
            prompt_id=name,
            status="drawn",
            prompt_tokens=5,
            draws=5,
            scored=4,
            right=2,
            success_rate=rate,
        )
        for name, rate in rates.items()
    ]
    write_rows(FOLDER / "scored" / "part-00000.parquet", Scored, MIXED)
    write_rows(FOLDER / "draws.parquet", PromptDraws, draws)
    quota = ("filter.quota=difficulty", "filter.max_per_prompt=2", "filter.base_measure=proposal")
    stage.run(settings("rounds=1", *quota), "1", silent)
    accepted = read_rows(FOLDER / "accepted", Decided)
    kept = [sum(row.prompt_id == name for row in accepted) for name in names]
    assert kept == [1, 2, 1, 1]


QUANTILE = ("filter.bound.method=global_quantile", "filter.bound.quantile=0.5")


@pytest.mark.parametrize("values", [(), QUANTILE])
def test_slices_write_what_all_at_once_writes(
    values: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the row groups of one table; a quantile of the round is not sliced at all."""
    monkeypatch.setattr(ledger, "_GROUP_ROWS", 1)
    written: list[dict[str, bytes]] = []
    figures = []
    for rows in (1000, 1):
        monkeypatch.setattr(stage, "_ROWS", rows)
        for number in range(4):
            file = FOLDER / "scored" / f"part-{number:05}.parquet"
            write_rows(file, Scored, MIXED[5 * number : 5 * number + 5])
        stage.run(settings("rounds=1", *values), "1", silent)
        files = [*FOLDER.glob("decisions/*"), *FOLDER.glob("accepted/*")]
        written.append({str(file): file.read_bytes() for file in files})
        figures.append(read_rows(FOLDER / "acceptance.parquet", PromptAcceptance))
    assert len(written[0]) == 9
    assert written[0] == written[1]
    assert figures[0] == figures[1]
    groups = pq.read_metadata(FOLDER / "acceptance.parquet").num_row_groups
    assert groups == (1 if values else 4)


def test_a_slice_that_is_refused_leaves_nothing_of_those_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage, "_ROWS", 1)
    write_rows(FOLDER / "scored" / "part-00000.parquet", Scored, MIXED[:5])
    unknown = [replace(row, proposal_logprob=None) for row in MIXED[5:]]
    write_rows(FOLDER / "scored" / "part-00001.parquet", Scored, unknown)
    with pytest.raises(AcceptanceError, match="needs log M, and draw 0 of prompt 'train-1'"):
        stage.run(settings("rounds=1"), "1", silent)
    assert [path.name for path in FOLDER.iterdir()] == ["scored"]


def test_nothing_accepted_names_the_round_the_counts_and_the_remedy() -> None:
    with pytest.raises(AcceptanceError) as caught:
        run(HOPELESS)
    message = str(caught.value)
    assert message.startswith("round 1: none of 12 candidates was accepted (")
    assert all(count in message for count in ("4 wrong", "4 truncated", "4 unscorable"))
    assert "loosen filter, raise generate.draws_per_prompt" in message
    assert message.endswith("data/rounds/1/scored")
    assert "\n" not in message


def test_nothing_accepted_leaves_nothing_half_written() -> None:
    with pytest.raises(AcceptanceError):
        run(HOPELESS)
    assert sorted(path.name for path in FOLDER.iterdir()) == ["draws.parquet", "scored"]


def test_the_same_candidates_give_the_same_bytes() -> None:
    written = []
    for _ in range(2):
        run(MIXED)
        files = sorted(file for file in FOLDER.rglob("*") if file.is_file())
        written.append({file: file.read_bytes() for file in files})
    assert written[0] == written[1]
