"""Judging the accepted rows of a round with the suite beside this file.

The verdict and what is written of it are a function of the rows and the settings: no clock, no id,
no path.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from rsft.ledger import write_table
from rsft.validate.engine import (
    Json,
    expectation_id,
    run_suite,
    spoken_columns,
    suite_expectations,
)
from rsft.validate.frame import frame_of

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


def validate_accepted(
    table: pa.Table,
    *,
    has_bound: bool,
    may_repeat: bool = False,
    candidates: int,
    held_out: frozenset[str],
    limits: Mapping[str, float],
) -> Verdict:
    """Judges the accepted rows of a round.

    Args:
        table: The accepted rows as they lie, whatever their columns.
        has_bound: Whether the rule decided by A = min(1, P̃/(cM)), or else by rank of rewards.
        may_repeat: Whether copies of a completion were to be kept.
        candidates: How many candidates the round had; at least 1.
        held_out: Ids of the prompts that must not be trained on (``held_out_ids``).
        limits: The suite's parameters by name.
    """
    expectations = suite_expectations(has_bound=has_bound, may_repeat=may_repeat)
    spoken = spoken_columns(expectations)
    frame = frame_of(table, spoken=spoken, candidates=candidates, held_out=held_out)
    result, failing_rows = run_suite(frame, expectations, limits)
    suite = {e["meta"]["id"]: e for e in expectations}
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
        rows=len(table),
        candidates=candidates,
        result=result,
    )


def write_validation(folder: Path, table: pa.Table, verdict: Verdict) -> None:
    """Writes ``verdict.json``, ``result.json`` and ``failing_rows.parquet`` into a folder.

    The last holds each row that fails once: ``row`` (its number in the table, from 0), ``fails``
    (ids of the expectations), and its columns.

    Args:
        folder: Where to; it is made.
        table: The rows that were judged.
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
    write_table(folder / "failing_rows.parquet", _failing_rows(failures, table))
    _write_json(folder / "verdict.json", document)
    _write_json(folder / "result.json", verdict.result)


def write_unjudged(folder: Path, table: pa.Table, stopped: str) -> None:
    """Writes the verdict of a round that was not run: there is nothing that fails.

    No ``result.json`` is written, so that the Data Docs have no page of what was not judged.

    Args:
        folder: Where to; it is made.
        table: The accepted rows, of which there are none.
        stopped: Why it was not run, in one line.
    """
    none: dict[str, Any] = {
        "rows": 0,
        "candidates": 0,
        "evaluated": 0,
        "failed": [],
        "warnings": [],
    }
    write_table(folder / "failing_rows.parquet", _failing_rows((), table))
    _write_json(folder / "verdict.json", {"success": True, "stopped": stopped, **none})


def _failing_rows(failures: Sequence[Failure], table: pa.Table) -> pa.Table:
    """Each row that fails, once: a million may fail, so they stay columns of their own types."""
    row_F = np.concatenate(
        [np.array(f.rows, np.int64) for f in failures] or [np.zeros(0, np.int64)]
    )
    id_F = np.repeat(np.arange(len(failures)), [len(f.rows) for f in failures])
    number_R, count_R = np.unique(row_F, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(count_R)]).astype(np.int32)
    ids = pa.array([failure.expectation for failure in failures], pa.string())
    fails = ids.take(pa.array(id_F[np.argsort(row_F, kind="stable")]))
    rows = table.take(pa.array(number_R))
    columns = [pa.array(number_R), pa.ListArray.from_arrays(pa.array(ends), fails), *rows.columns]
    return pa.table(columns, names=["row", "fails", *rows.column_names])


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
    remedy = expectation["meta"].get("remedy")
    advice = f"; {remedy}" if remedy else ""
    return Failure(
        expectation=expectation["meta"]["id"],
        column=expectation["kwargs"].get("column"),
        severity=expectation["severity"],
        observed=observed,
        unexpected_count=count,
        summary=f"{expectation['meta']['id']} ({observed}{held_against}{advice})",
        rows=rows,
    )


def _without_rows(failure: Failure) -> Json:
    document = asdict(failure)
    del document["rows"]
    return document


def _write_json(file: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
