"""What the gate says and writes: grades, failing rows, the same bytes for the same rows."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from rsft.ledger import read_table, rows_of
from rsft.types import Decided
from rsft.validate.engine import plain, suite_expectations
from tests.validate.cases import Case, Judged

FILES = ("failing_rows.parquet", "result.json", "verdict.json")


def broken_case() -> Case:
    """A duplicate (rows 2 and 3), a cut completion (row 5), and a warning."""
    case = Case(candidates=200)
    case.set(3, text=case.rows[2].text)
    case.set(5, finish_reason="length")
    return case


@functools.cache
def broken() -> Judged:
    return broken_case().judge()


def test_warning_does_not_stop() -> None:
    verdict = Case(candidates=200).judge().verdict
    assert verdict.success
    (warning,) = verdict.warnings
    assert (warning.expectation, warning.severity) == ("acceptance-rate", "warning")
    assert warning.summary == (
        "acceptance-rate (observed 0.06; min_acceptance_rate = 0.1; max_acceptance_rate = 0.9)"
    )


def test_critical_failure_stops() -> None:
    verdict = broken().verdict
    assert not verdict.success
    truncated, duplicates = verdict.failed
    assert truncated.summary == "not-truncated (1 of 12 rows)"
    assert (truncated.column, truncated.unexpected_count) == ("finish_reason", 1)
    assert broken().rows["not-truncated"] == (5,)
    assert (duplicates.column, duplicates.unexpected_count) == (None, 2)
    assert [w.expectation for w in verdict.warnings] == ["acceptance-rate"]


def test_limits_are_named() -> None:
    case = Case()
    case.limits["min_rows"] = 13
    (failure,) = case.judge().verdict.failed
    assert failure.summary == "row-count (observed 12; min_rows = 13; max_rows = 20)"


def failing_rows(folder: Path) -> pa.Table:
    return read_table(folder / "failing_rows.parquet")


def test_a_remedy_is_named() -> None:
    case = Case()
    case.set(3, reward=-2.5)
    (failure,) = case.judge().verdict.failed
    assert failure.summary == (
        "reward-in-range (1 of 12 rows; min_reward = 0; max_reward = 1; "
        "set validate.min_reward and validate.max_reward to the range of your rewards)"
    )


def test_failing_rows_are_kept_once_each_as_they_are(tmp_path: Path) -> None:
    case = broken_case()
    case.set(3, finish_reason="length")
    case.judge(tmp_path)
    kept = failing_rows(tmp_path)
    assert kept["row"].to_pylist() == [2, 3, 5]
    assert kept["fails"].to_pylist() == [
        ["no-duplicates"],
        ["not-truncated", "no-duplicates"],
        ["not-truncated"],
    ]
    assert rows_of(kept, Decided) == [case.rows[number] for number in (2, 3, 5)]


def test_more_failing_rows_than_a_summary_shows_are_all_kept(tmp_path: Path) -> None:
    case = Case()
    case.limits |= {"max_rows": 100, "max_per_prompt": 100}
    case.rows = case.rows * 3
    case.judge(tmp_path)
    assert failing_rows(tmp_path)["row"].to_pylist() == list(range(36))


def test_failing_rows_of_a_table_of_other_types_keep_them(tmp_path: Path) -> None:
    case = Case(types={"token_count": pa.string()})
    case.set(5, finish_reason="length")
    case.judge(tmp_path)
    kept = failing_rows(tmp_path)
    assert (kept["row"].to_pylist(), kept["token_count"].to_pylist()) == ([5], ["6"])


@pytest.mark.parametrize("case", [Case, broken_case], ids=["good", "broken"])
def test_same_rows_give_the_same_bytes(case: Callable[[], Case], tmp_path: Path) -> None:
    case().judge(tmp_path / "first")
    case().judge(tmp_path / "second")
    for file in FILES:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    assert sorted(f.name for f in (tmp_path / "first").iterdir()) == sorted(FILES)


def test_no_clock_id_or_path_in_the_result(tmp_path: Path) -> None:
    case = Case(types={"token_count": pa.string()})
    verdict = case.judge(tmp_path).verdict
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert set(result["meta"]) == {"great_expectations_version"}
    assert "id" not in result
    assert {r["exception_info"]["exception_traceback"] for r in result["results"]} == {None}
    cap = next(f for f in verdict.failed if f.expectation == "tokens-within-cap")
    assert cap.summary.startswith("tokens-within-cap (not computable: ")
    assert "\n" not in cap.summary


def test_good_rows_leave_an_empty_table(tmp_path: Path) -> None:
    Case().judge(tmp_path)
    assert len(failing_rows(tmp_path)) == 0
    verdict = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    assert verdict == {
        "success": True,
        "rows": 12,
        "candidates": 30,
        "evaluated": len(suite_expectations(has_bound=True)),
        "failed": [],
        "warnings": [],
    }


def test_no_rows_at_all(tmp_path: Path) -> None:
    case = Case(rows=[])
    verdict = case.judge(tmp_path).verdict
    assert [f.summary for f in verdict.failed] == [
        "row-count (observed 0; min_rows = 10; max_rows = 20)"
    ]
    assert [w.expectation for w in verdict.warnings] == ["acceptance-rate"]


def test_infinite_values_are_strict_json(tmp_path: Path) -> None:
    case = Case()
    case.set(3, proposal_logprob=float("-inf"))
    case.judge(tmp_path)
    text = (tmp_path / "result.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail)
    assert '"-inf"' in text
    assert plain({"a": (1.5, float("nan"))}) == {"a": [1.5, "nan"]}


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    broken_case().judge()
    assert capfd.readouterr() == ("", "")
