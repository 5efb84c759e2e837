"""The gate between a round's accepted rows and its training."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from rsft.errors import ExpectationsError
from rsft.finetune import train
from rsft.ledger import read_table, table_of, write_rows, write_table
from rsft.policy import Policy, load_policy
from rsft.stages import finetune, validate
from rsft.types import Decided, TrainingRow
from tests.stages.cases import decided, row, settings, silent, write_base, write_handed_on

pytestmark = pytest.mark.filterwarnings(
    "ignore:module 'sre_(constants|parse)' is deprecated:DeprecationWarning"
)
"""What the import of Great Expectations sets off."""

ROUND = Path("data/rounds/1")
GOOD = [decided(n, text, is_accepted=True) for n in range(3) for text in ("n0 + n1 = r0", "n0")]
POOL = [row(0, "n0 + n1 = r0", round=0), row(1, "n0 + n1 = r0"), row(2, "n1 + n0 = r0")]
SETTINGS = ("rounds=2", "finetune.steps=2", "generate.max_new_tokens=8")


@pytest.fixture(autouse=True)
def base(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, POOL[:1])


def judge(accepted: list[Decided], *more: str) -> dict:
    return judge_table(table_of(Decided, accepted), accepted, *more)


def judge_table(table: pa.Table, accepted: list[Decided], *more: str) -> dict:
    write_table(ROUND / "accepted" / "part-00000.parquet", table)
    others = [decided(4, f"no {n}") for n in range(6)]
    write_rows(ROUND / "decisions" / "part-00000.parquet", Decided, [*accepted, *others])
    validate.run(settings(*SETTINGS, *more), "1", silent)
    return json.loads((ROUND / "validation" / "verdict.json").read_text())


def tune(key: str = "1", *more: str) -> Policy:
    folder = Path("data/rounds") / key
    write_rows(folder / "pool" / "kept.parquet", TrainingRow, POOL)
    finetune.run(settings(*SETTINGS, *more), key, silent)
    return load_policy(folder / "trained")


def test_copies_pass_where_they_were_to_be_kept() -> None:
    copied = [*GOOD, replace(GOOD[0], draw=9)]
    assert [f["expectation"] for f in judge(copied)["failed"]] == ["no-duplicates"]
    assert judge(copied, "filter.deduplicate=false")["success"]


def test_good_rows_pass_and_training_starts() -> None:
    verdict = judge(GOOD)
    assert (verdict["success"], verdict["rows"], verdict["candidates"]) == (True, 6, 12)
    tune()
    losses = json.loads((ROUND / "trained" / "training.json").read_text())["loss"]
    assert len(losses) == 2


def test_the_limits_are_those_of_the_settings() -> None:
    verdict = judge(GOOD, "validate.min_rows=7", "validate.min_acceptance_rate=0.8")
    assert [failure["expectation"] for failure in verdict["failed"]] == ["row-count"]
    assert [warning["expectation"] for warning in verdict["warnings"]] == ["acceptance-rate"]


def test_a_failed_critical_expectation_stops_training_and_says_what_failed_and_where() -> None:
    cut = decided(3, "n0 +", is_accepted=True, is_finished=False)
    judge([*GOOD, cut, GOOD[0]])
    with pytest.raises(ExpectationsError) as caught:
        tune()
    message = str(caught.value)
    assert message.startswith("round 1: the accepted rows fail not-truncated (1 of 8 rows); ")
    assert "no-duplicates (2 of 8 rows)" in message
    assert "\n" not in message
    file = ROUND / "validation" / "failing_rows.parquet"
    assert message.endswith(f"training did not start. The rows are in {file}")
    assert read_table(file)["row"].to_pylist() == [0, 6, 7]
    assert not (ROUND / "trained").exists()


def test_a_table_of_other_columns_is_judged_and_stops_training() -> None:
    table = table_of(Decided, GOOD).append_column("surprise", pa.repeat(1, len(GOOD)))
    verdict = judge_table(table, GOOD)
    assert [failure["expectation"] for failure in verdict["failed"]] == ["columns"]
    with pytest.raises(ExpectationsError, match=r"fail columns .*surprise"):
        tune()


def test_a_table_without_a_column_is_judged_and_stops_training() -> None:
    verdict = judge_table(table_of(Decided, GOOD).drop_columns(["reward"]), GOOD)
    failed = {f["expectation"]: f["observed"] for f in verdict["failed"]}
    assert set(failed) == {"columns", "reward-known", "reward-typed", "reward-in-range"}
    assert failed["reward-known"].startswith("not computable: ")


@pytest.mark.parametrize(
    "rule",
    [
        ("filter.rule=best_of_n",),
        ("filter.rule=threshold", "filter.threshold=0.5", "filter.threshold_on=reward"),
    ],
)
def test_rows_of_a_rule_without_a_bound(rule: tuple[str, ...]) -> None:
    ranked = [
        replace(r, log_target=None, log_bound=None, log_accept_ratio=None, accept_prob=None,
                coin=None)
        for r in GOOD
    ]  # fmt: skip
    assert judge(ranked, *rule)["success"]
    failed = {failure["expectation"] for failure in judge(ranked)["failed"]}
    assert failed == {"log_bound-known", "log_accept_ratio-known", "accept_prob-known"}
    failed = {failure["expectation"] for failure in judge(GOOD, *rule)["failed"]}
    assert failed == {"log_bound-unused", "log_accept_ratio-unused", "accept_prob-unused"}


def test_a_row_of_an_evaluation_prompt_stops_training() -> None:
    judge([*GOOD, replace(GOOD[0], prompt_id="eval-0")])
    with pytest.raises(ExpectationsError, match=r"fail no-leak \(1 of 7 rows\);"):
        tune()


def test_slices_judge_what_all_at_once_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut row and copies in the second slice; then a prompt whose copies lie in two."""
    told = []
    for again in ([], [replace(GOOD[0], draw=9)]):
        for rows in (1000, 4):
            monkeypatch.setattr(validate, "_ROWS", rows)
            cut = decided(3, "n0 +", is_accepted=True, is_finished=False)
            second = [cut, replace(cut, draw=1), *again]
            write_rows(ROUND / "accepted" / "part-00001.parquet", Decided, second)
            verdict = judge(GOOD)
            rows_failing = read_table(ROUND / "validation" / "failing_rows.parquet")["row"]
            told.append((verdict, rows_failing.to_pylist()))
    assert told[0] == told[1]
    assert told[2] == told[3]
    assert (told[0][1], told[2][1]) == ([6, 7], [0, 6, 7, 8])


def test_a_warning_does_not_stop_training() -> None:
    verdict = judge(GOOD, "validate.min_acceptance_rate=0.8")
    assert verdict["warnings"]
    tune()


@pytest.mark.parametrize(("start", "folder"), [("base", "base"), ("previous", "rounds/1")])
def test_a_round_starts_from_the_base_or_the_round_before(start: str, folder: str) -> None:
    for key in ("1", "2"):
        verdict = Path("data/rounds") / key / "validation" / "verdict.json"
        verdict.parent.mkdir(parents=True)
        verdict.write_text(json.dumps({"success": True}))
    tune("1")
    shutil.copytree(ROUND / "trained", ROUND / "model")  # as the stage monitor does
    write_handed_on(ROUND, 1)
    config = settings(*SETTINGS)
    expected = load_policy(Path("data") / folder / "model")
    train(expected, POOL, config.finetune, seed=config.seed)
    assert tune("2", f"finetune.start={start}").version == expected.version
