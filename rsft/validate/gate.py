"""Judging the accepted rows of a round with the suite beside this file.

Great Expectations first counts what fails, then looks up the rows of what failed. What it stamps on
its results (ids, load times) is left out: the outputs are a function of the rows and the settings.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rsft.types import Decided

SUITE = Path(__file__).with_name("suite.json")
Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An expectation that the rows do not meet."""

    expectation: str
    """Its id in the suite."""
    severity: Severity
    """``critical`` stops the round before training, ``warning`` does not."""
    summary: str
    """One line: which, on what, how many rows or which value."""
    rows: tuple[int, ...]
    """Numbers of the rows that fail it; empty where it speaks of the whole table."""


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
    result: Mapping[str, Any] = field(repr=False)
    """Great Expectations' own result, without ids and times."""


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
        candidates: How many candidates the round had.
        held_out: Ids of prompts that must not be trained on, or whose text must not.
        limits: The suite's parameters by name.
    """
    frame = _frame(rows, candidates, held_out)
    batch = _batch(frame)
    results = _evaluate(batch, _suite(), limits, "SUMMARY")
    failed = [r for r in results["results"] if not r["success"]]
    rows_by_id = _failing_rows(batch, failed, limits)
    failures = [_failure(r, rows_by_id) for r in failed]
    critical = tuple(f for f in failures if f.severity == "critical")
    return Verdict(
        success=not critical,
        failed=critical,
        warnings=tuple(f for f in failures if f.severity == "warning"),
        evaluated=len(results["results"]),
        result=results,
    )


def write_validation(folder: Path, rows: Sequence[Decided], verdict: Verdict) -> None:
    """Writes ``verdict.json``, ``result.json`` and ``failing_rows.jsonl`` into a folder.

    Failing rows are kept as JSON Lines rather than in the rows' own schema, since breaking that
    schema is one of the ways to fail.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "success": verdict.success,
        "evaluated": verdict.evaluated,
        "failed": [_without_rows(failure) for failure in verdict.failed],
        "warnings": [_without_rows(failure) for failure in verdict.warnings],
    }
    _write_json(folder / "verdict.json", document)
    _write_json(folder / "result.json", verdict.result)
    with (folder / "failing_rows.jsonl").open("w", encoding="utf-8") as file:
        for failure in (*verdict.failed, *verdict.warnings):
            for number in failure.rows:
                row = {"expectation": failure.expectation, **asdict(rows[number])}
                file.write(json.dumps(row) + "\n")


def _frame(rows: Sequence[Decided], candidates: int, held_out: frozenset[str]) -> Any:
    """The rows as a data frame, with what the suite speaks of beside them."""
    import pandas as pd

    frame = pd.DataFrame([asdict(row) for row in rows], columns=list(Decided.__dataclass_fields__))
    count = Counter(row.prompt_id for row in rows)
    frame["rows_of_prompt"] = [count[row.prompt_id] for row in rows]
    frame["is_held_out"] = [row.prompt_id in held_out for row in rows]
    frame["acceptance_rate"] = len(rows) / candidates
    return frame


def _batch(frame: Any) -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = _no_bars()
    asset = context.data_sources.add_pandas("rounds").add_dataframe_asset("accepted")
    definition = asset.add_batch_definition_whole_dataframe("all")
    return definition.get_batch({"dataframe": frame})


def _no_bars() -> Any:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    return ProgressBarsConfig(globally=False, metric_calculations=False)


def _suite() -> list[dict[str, Any]]:
    expectations: list[dict[str, Any]] = json.loads(SUITE.read_text("utf-8"))["expectations"]
    return expectations


def _evaluate(
    batch: Any,
    expectations: Sequence[Mapping[str, Any]],
    limits: Mapping[str, float],
    result_format: str | Mapping[str, Any],
) -> dict[str, Any]:
    from great_expectations.core.expectation_suite import ExpectationSuite

    suite = ExpectationSuite(name="accepted", expectations=[dict(e) for e in expectations])
    result = batch.validate(suite, result_format=result_format, expectation_parameters=dict(limits))
    document: dict[str, Any] = result.to_json_dict()
    order = [expectation["meta"]["id"] for expectation in expectations]
    document["results"].sort(key=lambda r: order.index(r["expectation_config"]["meta"]["id"]))
    version = document["meta"]["great_expectations_version"]
    document["meta"] = {"great_expectations_version": version}
    document["suite_parameters"] = dict(limits)
    return document


def _failing_rows(
    batch: Any, failed: Sequence[Mapping[str, Any]], limits: Mapping[str, float]
) -> dict[str, tuple[int, ...]]:
    """Row numbers by id of each expectation that failed on single rows."""
    ids = {
        r["expectation_config"]["meta"]["id"] for r in failed if "unexpected_count" in r["result"]
    }
    if not ids:
        return {}
    expectations = [e for e in _suite() if e["meta"]["id"] in ids]
    complete = _evaluate(batch, expectations, limits, "COMPLETE")
    return {
        r["expectation_config"]["meta"]["id"]: tuple(r["result"]["unexpected_index_list"])
        for r in complete["results"]
    }


def _failure(result: Mapping[str, Any], rows_by_id: Mapping[str, tuple[int, ...]]) -> Failure:
    config, found = result["expectation_config"], result["result"]
    name = config["meta"]["id"]
    if "unexpected_count" in found:
        observed = f"{found['unexpected_count']} of {found['element_count']} rows"
    else:
        observed = f"observed {found.get('observed_value')}"
    return Failure(
        expectation=name,
        severity="warning" if config["severity"] == "warning" else "critical",
        summary=f"{name} ({observed})",
        rows=rows_by_id.get(name, ()),
    )


def _without_rows(failure: Failure) -> dict[str, Any]:
    document = asdict(failure)
    del document["rows"]
    return document


def _write_json(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
