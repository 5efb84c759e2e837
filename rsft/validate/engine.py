"""Great Expectations at arm's length: the one place that runs the suite.

What it stamps on its results (ids, load times, tracebacks with paths) is taken off here, so that
they are a function of the rows and the limits alone. Its import takes seconds, so it waits until a
table is judged; the context is made once per process.
"""

import functools
import json
import math
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SUITE = Path(__file__).with_name("suite.json")
Json = dict[str, Any]
Results = dict[str, Any]
"""Great Expectations' own results by id of the expectation."""
_SUITE_NAME = "accepted"


def run_suite(
    frame: "pd.DataFrame", expectations: Sequence[Json], limits: Mapping[str, float]
) -> tuple[Results, dict[str, tuple[int, ...]]]:
    """Judges a table, first by counting, then by looking up the rows of what failed.

    Args:
        frame: The table.
        expectations: Those of the suite that apply.
        limits: The suite's parameters by name.

    Returns:
        Great Expectations' results, and the index of the rows that fail by id of the expectation,
        for those that speak of single rows.
    """
    batch = _batch_definition().get_batch({"dataframe": frame})
    results = _validate(batch, expectations, limits, "SUMMARY")
    by_row = {
        name for name, r in results.items() if not r.success and "unexpected_count" in r.result
    }
    if not by_row:
        return results, {}
    chosen = [e for e in expectations if e["meta"]["id"] in by_row]
    complete = _validate(batch, chosen, limits, "COMPLETE")
    return results, {name: tuple(r.result["unexpected_index_list"]) for name, r in complete.items()}


def as_json(results: Results, expectations: Sequence[Json], limits: Mapping[str, float]) -> Json:
    """Results without what is stamped on them, in the suite's order, as Great Expectations' JSON.

    Args:
        results: A result of each expectation.
        expectations: Those of the suite that apply, in order.
        limits: The suite's parameters by name.
    """
    version = load_great_expectations().__version__
    from great_expectations.validator.validation_statistics import calc_validation_statistics

    ordered = [results[e["meta"]["id"]] for e in expectations]
    statistics = calc_validation_statistics(ordered)._asdict()
    documents = [result.to_json_dict() for result in ordered]
    document: Json = {
        "suite_name": _SUITE_NAME,
        "success": statistics.pop("success"),
        "statistics": statistics,
        "suite_parameters": dict(limits),
        "results": [r | {"exception_info": _exception_info(r)} for r in documents],
        "meta": {"great_expectations_version": version},
    }
    strict: Json = plain(document)
    return strict


def suite_expectations(*, has_bound: bool, may_repeat: bool = False) -> list[Json]:
    """The expectations of the suite that apply, in order.

    Args:
        has_bound: Whether the rule decided by A = min(1, P̃/(cM)): one that ranks rewards leaves
            neither A nor a bound, and an expectation may speak of one kind of rules alone.
        may_repeat: Whether copies were to be kept: then none speaks of them.
    """
    expectations = json.loads(SUITE.read_text(encoding="utf-8"))["expectations"]
    rules = (None, "with_bound" if has_bound else "without_bound")
    chosen = [e for e in expectations if e["meta"].get("rules") in rules]
    return [e for e in chosen if not (may_repeat and e["meta"].get("speaks_of_copies"))]


def spoken_columns(expectations: Sequence[Json]) -> set[str]:
    """The columns that expectations speak of, beside that of their names."""
    spoken = set()
    for kwargs in (e["kwargs"] for e in expectations):
        single = (kwargs.get(name) for name in ("column", "column_A", "column_B"))
        spoken |= {*filter(None, single), *kwargs.get("column_list", ())}
    return spoken


def expectation_id(result: Mapping[str, Any]) -> str:
    """The id that the suite gives to the expectation of a result."""
    return str(result["expectation_config"]["meta"]["id"])


def load_great_expectations() -> Any:
    """Imports the package, its telemetry off unless the user said otherwise."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations

    return great_expectations


@functools.cache
def _batch_definition() -> Any:
    context = load_great_expectations().get_context(mode="ephemeral")
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("rounds").add_dataframe_asset("accepted")
    return asset.add_batch_definition_whole_dataframe("all")


def _validate(
    batch: Any, expectations: Sequence[Json], limits: Mapping[str, float], result_format: str
) -> Results:
    from great_expectations.core.expectation_suite import ExpectationSuite

    suite = ExpectationSuite(name=_SUITE_NAME, expectations=[dict(e) for e in expectations])
    found = batch.validate(suite, result_format=result_format, expectation_parameters=dict(limits))
    return {str(r.expectation_config.meta["id"]): r for r in found.results}


def _exception_info(result: Mapping[str, Any]) -> Json:
    """Whether an expectation could not be computed, and the first reason: no traceback."""
    found = result["exception_info"]
    flat = found if "raised_exception" in found else next(iter(found.values()))
    message = flat["exception_message"]
    return {
        "raised_exception": flat["raised_exception"],
        "exception_message": message and " ".join(message.split()),
        "exception_traceback": None,
    }


def plain(value: Any) -> Any:
    """A value as strict JSON has it: a number that is not finite becomes its name."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Collection) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
