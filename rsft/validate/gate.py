"""Judging the accepted rows of a round with the suite beside this file.

The verdict and what is written of it are a function of the rows and the settings: no clock, no id,
no path.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rsft.ledger import write_rows
from rsft.types import Decided
from rsft.validate.engine import Json, expectation_id, plain, run_suite, suite_expectations

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An expectation that the rows do not meet."""

    expectation: str
    """Its id in the suite."""
    column: str | None
    """The column it speaks of; null for several, or the whole table."""
    severity: Severity
    """``critical`` stops the round before training, ``warning`` does not."""
    observed: str
    """How many rows fail, or which value was found."""
    unexpected_count: int | None
    """Number of failing rows; null where it speaks of the whole table."""
    summary: str
    """One line: which expectation, what was observed, which limits it was held against."""
    rows: tuple[int, ...]
    """Numbers of the failing rows in the table; empty where it speaks of the whole table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the suite says of the rows."""

    success: bool
    """Whether training may start: no critical expectation failed."""
    failed: tuple[Failure, ...]
    """Critical failures."""
    warnings: tuple[Failure, ...]
    """The others."""
    evaluated: int
    """Expectations evaluated."""
    rows: int
    """Accepted rows judged."""
    candidates: int
    """Candidates that they were accepted from."""
    result: Mapping[str, Any] = field(repr=False)
    """Great Expectations' own result, without ids and times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRow:
    """A row that fails an expectation, kept for reading."""

    expectation: str
    """The expectation's id in the suite."""
    severity: Severity
    """Its severity."""
    row: int
    """Number of the row in the table of accepted rows, from 0."""
    record: str
    """The row as JSON: breaking its schema is one of the ways to fail."""


def validate_accepted(
    rows: Sequence[Decided],
    *,
    candidates: int,
    held_out: frozenset[str],
    limits: Mapping[str, float],
) -> Verdict:
    """Judges the accepted rows of a round.

    Args:
        rows: The accepted rows.
        candidates: How many candidates the round had; at least 1.
        held_out: Ids of the prompts that must not be trained on (``held_out_ids``).
        limits: The suite's parameters by name.
    """
    result, failing_rows = run_suite(_frame(rows, candidates, held_out), limits)
    suite = {e["meta"]["id"]: e for e in suite_expectations()}
    failures = [
        _failure(r, suite[expectation_id(r)], limits, failing_rows.get(expectation_id(r), ()))
        for r in result["results"]
        if not r["success"]
    ]
    critical = tuple(f for f in failures if f.severity == "critical")
    return Verdict(
        success=not critical,
        failed=critical,
        warnings=tuple(f for f in failures if f.severity == "warning"),
        evaluated=len(suite),
        rows=len(rows),
        candidates=candidates,
        result=result,
    )


def write_validation(folder: Path, rows: Sequence[Decided], verdict: Verdict) -> None:
    """Writes ``verdict.json``, ``result.json`` and ``failing_rows.parquet`` into a folder.

    Args:
        folder: Where to; it is made.
        rows: The rows that were judged.
        verdict: What was said of them.
    """
    failures = (*verdict.failed, *verdict.warnings)
    document = {
        "success": verdict.success,
        "rows": verdict.rows,
        "candidates": verdict.candidates,
        "evaluated": verdict.evaluated,
        "failed": [_without_rows(failure) for failure in verdict.failed],
        "warnings": [_without_rows(failure) for failure in verdict.warnings],
    }
    kept = [
        FailingRow(
            expectation=failure.expectation,
            severity=failure.severity,
            row=number,
            record=json.dumps(plain(asdict(rows[number])), ensure_ascii=False),
        )
        for failure in failures
        for number in failure.rows
    ]
    write_rows(folder / "failing_rows.parquet", FailingRow, kept)
    _write_json(folder / "verdict.json", document)
    _write_json(folder / "result.json", verdict.result)


def _frame(rows: Sequence[Decided], candidates: int, held_out: frozenset[str]) -> "pd.DataFrame":
    """The rows as they are, with what the suite speaks of beside them."""
    import pandas as pd

    record = type(rows[0]) if rows else Decided
    columns = {f.name: [getattr(row, f.name) for row in rows] for f in fields(record)}
    count = Counter(row.prompt_id for row in rows)
    columns["rows_of_prompt"] = [count[row.prompt_id] for row in rows]
    columns["is_held_out"] = [row.prompt_id in held_out for row in rows]
    columns["acceptance_rate"] = [len(rows) / candidates] * len(rows)
    return pd.DataFrame(columns, dtype=object)


def _failure(
    result: Json, expectation: Json, limits: Mapping[str, float], rows: tuple[int, ...]
) -> Failure:
    found = result["result"]
    count = found.get("unexpected_count")
    if result["exception_info"]["raised_exception"]:
        observed = f"not computable: {result['exception_info']['exception_message']}"
    elif count is not None:
        observed = f"{count} of {found['element_count']} rows"
    else:
        details = found.get("details", {})
        observed = f"observed {details.get('mismatched', found['observed_value'])}"
    values = expectation["kwargs"].values()
    names = [value["$PARAMETER"] for value in values if isinstance(value, dict)]
    held_against = "".join(f"; {name} = {limits[name]}" for name in names)
    return Failure(
        expectation=expectation["meta"]["id"],
        column=expectation["kwargs"].get("column"),
        severity=expectation["severity"],
        observed=observed,
        unexpected_count=count,
        summary=f"{expectation['meta']['id']} ({observed}{held_against})",
        rows=rows,
    )


def _without_rows(failure: Failure) -> Json:
    document = asdict(failure)
    del document["rows"]
    return document


def _write_json(file: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
