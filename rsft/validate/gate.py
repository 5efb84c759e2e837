"""Judging the accepted rows of a round with the suite beside this file.

The verdict and what is written of it are a function of the rows and the settings: no clock, no id,
no path.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from rsft.validate.engine import (
    Json,
    as_json,
    expectation_id,
    spoken_columns,
    suite_expectations,
)
from rsft.validate.failing import failing_rows
from rsft.validate.frame import frame_of
from rsft.validate.slices import judge_slices

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


def validate_accepted(
    folder: Path,
    slices: Iterable[pa.Table],
    *,
    rows: int,
    has_bound: bool,
    may_repeat: bool = False,
    candidates: int,
    held_out: frozenset[str],
    limits: Mapping[str, float],
) -> Verdict:
    """Judges the accepted rows of a round, in the memory of a slice.

    Writes ``verdict.json``, ``failing_rows.parquet`` (``failing_rows``), and ``result.json``: Great
    Expectations' own result, without ids and times. How the rows are sliced changes no figure.

    Args:
        folder: Where to; it is made.
        slices: The accepted rows as they lie, all of a prompt in one slice; one that has all rows
            may be of any columns.
        rows: How many accepted rows there are.
        has_bound: Whether the rule decided by A = min(1, P̃/(cM)), or else by rank of rewards.
        may_repeat: Whether copies of a completion were to be kept.
        candidates: How many candidates the round had; at least 1.
        held_out: Ids of the prompts that must not be trained on (``held_out_ids``).
        limits: The suite's parameters by name.

    Raises:
        LedgerError: Where the rows that fail cannot be written.
    """
    expectations = suite_expectations(has_bound=has_bound, may_repeat=may_repeat)
    suite = {e["meta"]["id"]: e for e in expectations}
    frame = functools.partial(
        frame_of,
        spoken=spoken_columns(expectations),
        acceptance_rate=rows / candidates,
        held_out=held_out,
    )
    order = sorted(suite, key=lambda name: suite[name]["severity"] != "critical")
    with failing_rows(folder / "failing_rows.parquet", order) as keep:
        results = judge_slices(slices, rows, frame, expectations, limits, keep)
    result = as_json(results, expectations, limits)
    failures = [
        _failure(r, suite[expectation_id(r)], limits) for r in result["results"] if not r["success"]
    ]
    critical = tuple(f for f in failures if f.severity == "critical")
    verdict = Verdict(
        success=not critical,
        failed=critical,
        warnings=tuple(f for f in failures if f.severity == "warning"),
        evaluated=len(suite),
        rows=rows,
        candidates=candidates,
    )
    _write_json(folder / "verdict.json", asdict(verdict))
    _write_json(folder / "result.json", result)
    return verdict


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
    with failing_rows(folder / "failing_rows.parquet", ()) as keep:
        keep(0, table, {})
    _write_json(folder / "verdict.json", {"success": True, "stopped": stopped, **none})


def _failure(result: Json, expectation: Json, limits: Mapping[str, float]) -> Failure:
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
    )


def _write_json(file: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
