"""What is said of slices is what is said of all at once: the same bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rsft.ledger import read_table
from tests.validate.cases import Case, good_row


def said(case: Case, folder: Path, rows: int | None) -> list[str]:
    case.judge(folder, rows=rows)
    written = [(folder / name).read_text() for name in ("verdict.json", "result.json")]
    return [*written, repr(read_table(folder / "failing_rows.parquet").to_pylist())]


def far_from_fine() -> Case:
    """Failures of every kind, in more rows than an example shows, most in both slices."""
    case = Case(candidates=3000)
    case.rows = [good_row(number) for number in range(60)]
    case.set_all(finish_reason="length", reward=float("nan"), coin=0.9)
    for number in range(0, 60, 3):
        case.set(number, text="n0", token_count=None, score_note=f"note {number % 2}")
    for number in range(0, 60, 7):
        case.set(number, policy_version=f"v{number % 4}", round=number % 3)
        case.set(number, proposal_logprob=float("-inf"), is_canonical=None)
    case.set(50, prompt_id="evaluation-1")
    return case


def late_null() -> Case:
    """A null in the last slice alone makes the whole column another one to pandas."""
    case = Case()
    case.set(11, token_count=None)
    return case


@pytest.mark.parametrize("make", [Case, far_from_fine, late_null])
def test_slices_say_what_the_whole_says(make: Callable[[], Case], tmp_path: Path) -> None:
    whole = said(make(), tmp_path / "whole", None)
    assert said(make(), tmp_path / "slices", len(make().rows) // 2) == whole
