"""What becomes of contaminated prompts and rows: listed, left out, or a reason to stop."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsft.errors import PromptsError
from rsft.ledger import rows_of, schema_of
from rsft.prompts.contamination import KINDS, EvaluationText
from rsft.types import Leak, Prompt

_ROW = ["prompt_id", "round", "draw"]
"""Columns that name a row."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """What was found in N prompts or rows."""

    table: pa.Table
    """Of ``Leak``."""
    is_clean_N: np.ndarray
    """Which of them are not to be dropped."""


def leaks_in_prompts(evaluation: EvaluationText, prompts: Sequence[Prompt]) -> Leaks:
    """Looks through training prompts."""
    found_F = evaluation.in_prompts(prompts)
    ids = pa.array([prompt.prompt_id for prompt in prompts], pa.string())
    nobody = pa.nulls(len(prompts), pa.int64())
    return _leaks(evaluation, found_F, [ids, nobody, nobody])


def leaks_in_rows(evaluation: EvaluationText, rows: pa.Table) -> Leaks:
    """Looks through the completions of training rows.

    Args:
        evaluation: What to look for.
        rows: Any table with ``prompt_id``, ``round``, ``draw`` and ``completion``.
    """
    found_F = evaluation.in_completions(rows["completion"])
    return _leaks(evaluation, found_F, [rows[name].combine_chunks() for name in _ROW])


def _leaks(evaluation: EvaluationText, found_F: np.ndarray, names: list[pa.Array]) -> Leaks:
    actions = [getattr(evaluation.section, kind) for kind in KINDS]
    ids = [prompt.prompt_id for prompt in evaluation.prompts]
    columns = [
        *(name.take(pa.array(found_F["text"])) for name in names),
        _named(KINDS, found_F["kind"]),
        _named(evaluation.names, evaluation.set_P[found_F["prompt"]]),
        _named(ids, found_F["prompt"]),
        pa.array(found_F["share"]),
        _named(actions, found_F["kind"]),
    ]
    table = pa.table(columns, schema=schema_of(Leak))
    is_clean_N = np.ones(len(names[0]), bool)
    is_clean_N[found_F["text"][np.array(actions)[found_F["kind"]] == "drop"]] = False
    return Leaks(table, is_clean_N)


def _named(names: Sequence[str], number_F: np.ndarray) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(number_F))


def refuse_leaks(table: pa.Table) -> None:
    """Stops where something was found that ``pool.contamination`` says to stop at.

    Args:
        table: Of ``Leak``: all that was found, of which the first is named.

    Raises:
        PromptsError: Where there is one.
    """
    stopping = table.filter(pc.equal(table["action"], "stop"))
    if not len(stopping):
        return
    first = rows_of(stopping.slice(0, 1), Leak)[0]
    where = f"training prompt {first.prompt_id!r}"
    if first.round is not None:
        where = f"the completion of {where} (round {first.round}, draw {first.draw})"
    count = f"{len(stopping):,} finding{'s' * (len(stopping) > 1)} in all"
    raise PromptsError(
        f"pool.contamination.{first.kind} is 'stop': {where} has {first.share:.0%} of prompt "
        f"{first.evaluation_prompt_id!r} of the set {first.evaluation_set!r}; {count}. Remove one "
        "of the two (prompts.exclude), or set it to drop"
    )


def count_leaking(
    rows: pa.Table, leaks: pa.Table, sets: Iterable[str]
) -> dict[str, dict[str, int]]:
    """By set and kind, how many rows were found to share text with it, in prompt or completion.

    Args:
        rows: Any table with ``prompt_id``, ``round`` and ``draw``.
        leaks: A table of ``Leak``.
        sets: Names of the sets.
    """
    return {name: {kind: _count(rows, leaks, name, kind) for kind in KINDS} for name in sets}


def _count(rows: pa.Table, leaks: pa.Table, name: str, kind: str) -> int:
    mine = leaks.filter((pc.field("evaluation_set") == name) & (pc.field("kind") == kind))
    is_prompt = pc.is_null(mine["round"])
    prompts = mine["prompt_id"].filter(is_prompt).combine_chunks()
    single = mine.filter(pc.invert(is_prompt)).select(_ROW)
    others = rows.select(_ROW).filter(pc.invert(pc.is_in(rows["prompt_id"], value_set=prompts)))
    clean = others.join(single, _ROW, join_type="left anti")
    return len(rows) - len(clean)
