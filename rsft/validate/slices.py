"""What the suite says of a table that it is shown in slices: what it would say of all at once.

An expectation speaks of rows, or of the whole table. Of rows each slice is asked, and the counts
are summed; Great Expectations' own formatting makes percentages and examples of the sums. Of the
whole, a few rows are asked that show every value and type it speaks of, and for the number of rows
an index without columns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsft.validate.engine import Json, Results, run_suite
from rsft.validate.failing import OnFailing

if TYPE_CHECKING:
    import pandas as pd

_DISTINCT = "expect_column_unique_value_count_to_be_between"
_ROW_COUNT = "expect_table_row_count_to_be_between"
OF_THE_WHOLE = (
    "expect_table_columns_to_match_set",
    "expect_column_values_to_be_of_type",
    "expect_column_max_to_be_between",
    _DISTINCT,
    _ROW_COUNT,
)
"""Types of expectations that speak of a table; all others speak of its rows. A maximum is here
because the only one is of a column that is the same in every row."""


def judge_slices(
    slices: Iterable[pa.Table],
    rows: int,
    frame: Callable[[pa.Table, int], "pd.DataFrame"],
    expectations: Sequence[Json],
    limits: Mapping[str, float],
    on_failing: OnFailing,
) -> Results:
    """Judges a table slice by slice.

    Args:
        slices: The table, all rows of a prompt in one; one that has all rows may be of any columns,
            several are of the same.
        rows: How many rows it has.
        frame: Makes what the suite judges of a slice and the number of its first row.
        expectations: Those of the suite that apply.
        limits: The suite's parameters by name.
        on_failing: Told of each slice.

    Returns:
        A result of each expectation.
    """
    by_row = [e for e in expectations if e["type"] not in OF_THE_WHOLE]
    results: Results = {}
    shown: list[pa.Table] = []
    first = 0
    for table in slices:
        is_whole = len(table) == rows
        asked = expectations if is_whole else by_row
        found, failing = run_suite(frame(table, first), asked, limits)
        on_failing(first, table, failing)
        if is_whole:
            return found
        _add(results, found)
        shown = [_showing(pa.concat_tables([*shown, table]), expectations)]
        first += len(table)
    assert first == rows
    return results | _of_the_whole(frame(shown[0], 0), rows, expectations, limits)


def _of_the_whole(
    frame: "pd.DataFrame", rows: int, expectations: Sequence[Json], limits: Mapping[str, float]
) -> Results:
    import pandas as pd

    by_values = [e for e in expectations if e["type"] in OF_THE_WHOLE and e["type"] != _ROW_COUNT]
    by_count = [e for e in expectations if e["type"] == _ROW_COUNT]
    counted, _ = run_suite(pd.DataFrame(index=pd.RangeIndex(rows)), by_count, limits)
    return run_suite(frame, by_values, limits)[0] | counted


def _showing(table: pa.Table, expectations: Sequence[Json]) -> pa.Table:
    """Rows that have every distinct value that is to be counted, and a null where there is one.

    A null decides how a column of whole numbers lies in a frame, and so what its type is called.
    """
    counted = [e["kwargs"]["column"] for e in expectations if e["type"] == _DISTINCT]
    rows = {0}
    for name in counted:
        codes = table[name].combine_chunks().dictionary_encode(null_encoding="encode").indices
        rows |= set(np.unique(codes.to_numpy(), return_index=True)[1].tolist())
    rows |= {pc.index(pc.is_null(column), True).as_py() for column in table.columns} - {-1}
    return table.take(pa.array(sorted(rows)))


def _add(results: Results, found: Results) -> None:
    """Adds a slice's results to those of the slices before it."""
    for name, more in found.items():
        if name not in results or _raised(more):
            results[name] = more
        elif not _raised(results[name]):
            total = results[name]
            total.success = total.success and more.success
            total.result = _sum(total.result, more.result, total.success)


def _raised(result: Any) -> bool:
    """Whether an expectation could not be computed: then neither could it be of the whole."""
    return "element_count" not in result.result


def _sum(one: Json, other: Json, success: bool) -> Json:
    from great_expectations.expectations.expectation import (
        _format_map_output,
        parse_result_format,
    )

    summary = parse_result_format("SUMMARY")
    shown = slice(summary["partial_unexpected_count"])

    def both(name: str) -> Any:
        return one[name] + other[name]

    is_about_nulls = "missing_count" not in one
    formatted: Json = _format_map_output(
        summary,
        success,
        element_count=both("element_count"),
        nonnull_count=None if is_about_nulls else both("element_count") - both("missing_count"),
        unexpected_count=both("unexpected_count"),
        unexpected_list=both("partial_unexpected_list")[shown],
        unexpected_index_list=both("partial_unexpected_index_list")[shown],
    )["result"]
    return formatted
