"""The accepted rows as the suite sees them: columns as they lie, and those that the gate derives.

Nothing is coerced before the suite has seen its type: a column keeps its Arrow type, or becomes the
NumPy array that is its equal. Only null floats change, to NaN; the NaNs that were there before are
counted in a column of their own.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsft.ledger import schema_of
from rsft.types import Decided

if TYPE_CHECKING:
    import pandas as pd

_SCHEMA = schema_of(Decided)
_FLOATS = [field.name for field in _SCHEMA if pa.types.is_floating(field.type)]


def frame_of(
    table: pa.Table,
    first: int,
    *,
    spoken: Collection[str],
    acceptance_rate: float,
    held_out: frozenset[str],
) -> "pd.DataFrame":
    """Makes the table that the suite judges, its index the rows' numbers.

    Args:
        table: Accepted rows, all of a prompt's.
        first: Number of the first of them.
        spoken: Columns that an expectation speaks of; others stand there by their name alone.
        acceptance_rate: Of the round.
        held_out: Ids of the prompts that must not be trained on.
    """
    import pandas as pd

    judged = table.select([name for name in table.column_names if name in spoken])
    judged = judged.combine_chunks()  # taking rows, even none, of a column in chunks copies all
    unspoken = pd.arrays.ArrowExtensionArray(pa.nulls(len(table)))
    columns = dict.fromkeys(table.column_names, unspoken)
    columns |= {name: _values(judged.column(name)) for name in judged.column_names}
    derived = _derive(table, acceptance_rate, held_out)
    columns |= {name: _values(column) for name, column in derived.items()}
    return pd.DataFrame(columns, index=pd.RangeIndex(first, first + len(table)))


def _values(column: pa.ChunkedArray) -> Any:
    """A column for pandas, without a copy where that can be."""
    import pandas as pd

    is_number = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    if pa.types.is_floating(column.type) or (is_number and not column.null_count):
        return column.to_numpy()
    return pd.arrays.ArrowExtensionArray(column)


def _derive(
    table: pa.Table, acceptance_rate: float, held_out: frozenset[str]
) -> dict[str, pa.ChunkedArray]:
    """What no single column says; null where the columns are not of the type that says it.

    rows_of_prompt     how many rows the row's prompt has
    is_held_out        whether its prompt must not be trained on
    acceptance_rate    accepted rows over candidates, of the round
    nan_count          how many of the row's numbers are NaN
    accept_prob_error  how far A is from min(1, exp(log_accept_ratio)); NaN where one is not known
    weight_error       how far the weight is from 1 where a coin was tossed or there is no A, else
                       from A; NaN where it is not known
    """
    columns: dict[str, Any] = {"acceptance_rate": np.full(len(table), acceptance_rate)}
    needed = ["prompt_id", *_FLOATS]
    if any(name not in table.column_names or not _is_typed(table, name) for name in needed):
        names = ("rows_of_prompt", "is_held_out", "nan_count", "accept_prob_error", "weight_error")
        columns |= dict.fromkeys(names, pa.nulls(len(table)))
    else:
        columns |= _prompt_columns(table.column("prompt_id"), held_out)
        columns |= _number_columns({name: table.column(name) for name in _FLOATS})
    return {name: pa.chunked_array([pa.array(column)]) for name, column in columns.items()}


def _is_typed(table: pa.Table, name: str) -> bool:
    return bool(table.schema.field(name).type == _SCHEMA.field(name).type)


def _prompt_columns(prompt_id: pa.ChunkedArray, held_out: frozenset[str]) -> dict[str, Any]:
    ids = prompt_id.combine_chunks()
    code_N = ids.dictionary_encode(null_encoding="encode").indices.to_numpy()
    return {
        "rows_of_prompt": np.bincount(code_N)[code_N],
        "is_held_out": pc.is_in(ids, value_set=pa.array(sorted(held_out), pa.string())),
    }


def _number_columns(floats: dict[str, pa.ChunkedArray]) -> dict[str, np.ndarray]:
    nan_count_N = np.zeros(len(floats["weight"]), np.int64)
    for column in floats.values():
        nan_count_N += pc.fill_null(pc.is_nan(column), False).to_numpy()
    accept_prob_N = floats["accept_prob"].to_numpy()
    ratio_N = floats["log_accept_ratio"].to_numpy()
    has_full_weight_N = ~np.isnan(floats["coin"].to_numpy()) | np.isnan(accept_prob_N)
    weight_N = np.where(has_full_weight_N, 1.0, accept_prob_N)
    return {
        "nan_count": nan_count_N,
        "accept_prob_error": abs(accept_prob_N - np.exp(np.minimum(0.0, ratio_N))),
        "weight_error": abs(floats["weight"].to_numpy() - weight_N),
    }
