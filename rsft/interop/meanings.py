"""What the columns of a table mean, in the words that ``rsft.types`` describes its record with."""

import ast
import inspect
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from rsft import types
from rsft.ledger import schema_of


def column_meanings(columns: Sequence[str]) -> dict[str, str]:
    """Meaning by name of each column; of a table that is of no record, nothing.

    Args:
        columns: All columns of the table, in order.
    """
    return _by_columns().get(tuple(columns), {})


@cache
def _by_columns() -> dict[tuple[str, ...], dict[str, str]]:
    own = _own_fields()
    found = {}
    for record in (getattr(types, name) for name in own):
        meanings: dict[str, str] = {}
        for base in reversed(record.__mro__):
            meanings |= own.get(base.__name__, {})
        found[tuple(schema_of(record).names)] = meanings
    return found


def _own_fields() -> dict[str, dict[str, str]]:
    """By record, what stands under each of its own fields, on one line."""
    tree = ast.parse(inspect.getsource(types))
    return {
        node.name: {
            field.target.id: " ".join(told.value.value.split())
            for field, told in pairwise(node.body)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(told, ast.Expr)
            and isinstance(told.value, ast.Constant)
            and isinstance(told.value.value, str)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.decorator_list  # a dataclass, no protocol
    }
