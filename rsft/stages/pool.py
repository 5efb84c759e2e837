"""Stage ``pool``: the rows of all rounds so far, those kept and those merely seen.

Training on the last round alone has made models worse (Llama 2's V3), so every round trains on
all of them. ``seen`` holds every finished candidate, unfiltered: what the controls are drawn from.
A completion that ``pool.contamination`` says to drop is in neither; what was found in completions
is listed after what was found in prompts and in earlier rounds, in ``contamination.parquet``. The
accepted rows of held-out prompts lie in ``heldout``: no policy is trained on them, and no control.

Decisions are read in slices of whole prompts. Memory holds one of them, the accepted rows, and the
ids of all prompts; ``seen`` is written piece by piece.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsft.config import Config
from rsft.errors import RsftError
from rsft.ledger import (
    read_rows,
    read_table,
    schema_of,
    stream_tables,
    write_table,
    written_in_pieces,
)
from rsft.prompts.contamination import EvaluationText
from rsft.prompts.heldout import heldout_ids
from rsft.prompts.leaks import leaks_in_rows, refuse_leaks
from rsft.stages.command import run_as_command
from rsft.stages.contract import BASE, PROMPT_LEAKS, before, here, split_file, write_json
from rsft.stages.pooling import KEPT, decide_pool, describe_leaks, describe_pool
from rsft.stages.prompts_in_step import PromptsInStep
from rsft.stages.slices import slices_of
from rsft.types import Decided, Leak, Progress, Prompt, TrainingRow

_ROWS = 100_000
"""Decisions read at a time, and what is left of a part."""
_TOGETHER = 10_000
"""Of them made training rows at a time: with 200 KB of text each they still fit into one piece."""
_READ = ["prompt_id", "round", "draw", "text", "finish_reason", "is_accepted", "weight"]


def run(config: Config, key: str, progress: Progress) -> None:
    """Adds a round's accepted rows, each (prompt, completion) once, at most so many a prompt.

    Raises:
        PromptsError: Where ``pool.contamination`` says to stop at what a completion holds.
        LedgerError: Where a table cannot be read or written; no pool is left then.
    """
    try:
        _write(config, key, before(config, key) / "pool", here(key) / "pool")
    except RsftError:
        shutil.rmtree(here(key) / "pool", ignore_errors=True)
        raise


def _write(config: Config, key: str, earlier: Path, folder: Path) -> None:
    train_ids = read_table(split_file("train"), Prompt, ["prompt_id"])["prompt_id"]
    chosen = heldout_ids(train_ids.to_pylist(), config.pool.heldout_share, config.seed)
    heldout = pa.array(sorted(chosen), pa.string())
    trained_on = train_ids.filter(pc.invert(pc.is_in(train_ids, value_set=heldout)))
    held: list[_Rows] = []
    with written_in_pieces(folder / "seen.parquet") as write:
        for table in stream_tables(earlier / "seen.parquet", TrainingRow):
            write(table)
        for part, seen in _read(config, key, heldout):
            write(seen)
            held.append(part)
        refuse_leaks(pa.concat_tables([part.leaks for part in held]))

    rows, fate_N = _pooled(config, earlier / "kept.parquet", [part.accepted for part in held])
    kept = rows.filter(pa.array(fate_N == KEPT))
    write_table(folder / "kept.parquet", kept)
    rows_H, fate_H = _pooled(
        config, earlier / "heldout.parquet", [part.accepted_of_heldout for part in held]
    )
    write_table(folder / "heldout.parquet", rows_H.filter(pa.array(fate_H == KEPT)))

    leaks = pa.concat_tables([_found_before(config, key), *(part.leaks for part in held)])
    write_table(folder / "contamination.parquet", leaks)
    left_out = sum(part.left_out for part in held)
    figures = {
        **describe_pool(rows, fate_N, trained_on).as_dict(),
        "heldout_prompts": len(heldout),
        "heldout_rows": int((fate_H == KEPT).sum()),
        "contamination": describe_leaks(kept, leaks, config.evaluate.sets, left_out),
    }
    write_json(folder / "diagnostics.json", figures)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What is held of some of a round's decisions; rows are of ``TrainingRow``."""

    accepted: pa.Table
    """Rows accepted, those of held-out prompts and what is dropped left out."""
    accepted_of_heldout: pa.Table
    """Rows accepted of held-out prompts."""
    leaks: pa.Table
    """What was found in completions, of ``Leak``."""
    left_out: int
    """Rows accepted that are dropped for it."""


def _read(config: Config, key: str, heldout: pa.Array) -> Iterator[tuple[_Rows, pa.Table]]:
    """Reads decisions, some rows at a time; each time with the rows that the pool has seen.

    They come by the place of their prompts in the table, and by draw: the order is no part's.
    """
    evaluation, prompts = _evaluation(config), PromptsInStep(split_file("train"))
    for parts in slices_of(here(key) / "decisions", Decided, _ROWS):
        decided = _trainable(parts)
        asked = prompts.of(decided)
        place = pc.index_in(decided["prompt_id"], value_set=asked["prompt_id"].combine_chunks())
        ordered = decided.append_column("place", place).sort_by(
            [("place", "ascending"), ("draw", "ascending")]
        )
        for start in range(0, max(1, len(ordered)), _TOGETHER):
            yield _divide(ordered.slice(start, _TOGETHER), asked, evaluation, heldout)


def _trainable(parts: Sequence[Path]) -> pa.Table:
    """Decisions on rows that a policy or a control may be trained on."""
    tables = []
    for part in parts:
        decided = read_table(part, Decided, _READ)
        is_finished = pc.equal(decided["finish_reason"], "stop")
        tables.append(decided.filter(pc.or_(decided["is_accepted"], is_finished)))
    table = pa.concat_tables(tables)
    place = table.column_names.index("text")
    # To order texts, Arrow puts all of them into one piece, which may be more than 2 GiB.
    return table.set_column(place, "text", table["text"].cast(pa.large_string()))


def _divide(
    decided: pa.Table, asked: pa.Table, evaluation: EvaluationText, heldout: pa.Array
) -> tuple[_Rows, pa.Table]:
    """What is held of some decisions, and what is only seen."""
    found = leaks_in_rows(evaluation, decided.rename_columns({"text": "completion"}))
    clean = decided.filter(pa.array(found.is_clean_N))
    drawn = _training_rows(clean, asked)
    accepted, accepted_of_heldout = _apart(drawn.filter(clean["is_accepted"]), heldout)
    finished, _ = _apart(drawn.filter(pc.equal(clean["finish_reason"], "stop")), heldout)
    taken = _Rows(
        accepted=accepted,
        accepted_of_heldout=accepted_of_heldout,
        leaks=found.table,
        left_out=int((decided["is_accepted"].to_numpy() & ~found.is_clean_N).sum()),
    )
    return taken, _unweighted(finished)


def _evaluation(config: Config) -> EvaluationText:
    sets = {
        name: read_rows(split_file(split), Prompt) for name, split in config.evaluate.sets.items()
    }
    return EvaluationText(sets, config.pool.contamination)


def _found_before(config: Config, key: str) -> pa.Table:
    """What was found in prompts and labelled rows, and in earlier rounds."""
    folder = before(config, key)
    file = PROMPT_LEAKS if folder == BASE else folder / "pool" / "contamination.parquet"
    return read_table(file, Leak)


def _apart(rows: pa.Table, prompt_ids: pa.Array) -> tuple[pa.Table, pa.Table]:
    """The rows of other prompts, and those of the given ones."""
    is_of = pc.is_in(rows["prompt_id"], value_set=prompt_ids)
    return rows.filter(pc.invert(is_of)), rows.filter(is_of)


def _pooled(
    config: Config, earlier: Path, accepted: Sequence[pa.Table]
) -> tuple[pa.Table, np.ndarray]:
    """An earlier pool's rows and a round's, and what becomes of each."""
    rows = pa.concat_tables([read_table(earlier, TrainingRow), *accepted])
    return rows, decide_pool(rows, config.pool, seed=config.seed)


def _training_rows(decided: pa.Table, asked: pa.Table) -> pa.Table:
    """Decisions, in the order of their prompts, as training rows."""
    place_N = decided["place"].to_numpy()
    first, last = (place_N[0], place_N[-1]) if len(place_N) else (0, -1)
    prompt = asked.slice(first, last - first + 1).take(pa.array(place_N - first))
    columns = {
        "prompt_id": decided["prompt_id"],
        "prompt": prompt["text"],
        "context": prompt["context"],
        "family": prompt["family"],
        "completion": decided["text"].cast(pa.string()),
        "weight": decided["weight"],
        "round": decided["round"],
        "draw": decided["draw"],
        "source": prompt["source"],
        "licence": prompt["licence"],
    }
    return pa.table(columns, schema=schema_of(TrainingRow))


def _unweighted(rows: pa.Table) -> pa.Table:
    place = rows.column_names.index("weight")
    return rows.set_column(place, rows.schema.field("weight"), pa.array(np.ones(len(rows))))


if __name__ == "__main__":
    run_as_command(run)
