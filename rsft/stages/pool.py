"""Stage ``pool``: the rows of all rounds so far, those kept and those merely seen.

Training on the last round alone has made models worse (Llama 2's V3), so every round trains on
all of them. ``seen`` holds every finished candidate, unfiltered: what the controls are drawn from.
The accepted rows of held-out prompts lie in ``heldout``: no policy is trained on them, and no
control.
"""

import json
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsft.config import Config
from rsft.ledger import read_table, schema_of, write_table
from rsft.prompts.heldout import heldout_ids
from rsft.stages.command import run_as_command
from rsft.stages.contract import before, here, split_file
from rsft.stages.pooling import KEPT, decide_pool, describe_pool
from rsft.types import Decided, Progress, Prompt, TrainingRow


def run(config: Config, key: str, progress: Progress) -> None:
    """Adds a round's accepted rows, each (prompt, completion) once, at most so many a prompt."""
    prompts = read_table(split_file("train"), Prompt)
    decided = read_table(here(key) / "decisions", Decided)
    earlier, folder = before(config, key) / "pool", here(key) / "pool"
    ids = prompts["prompt_id"]
    heldout = heldout_ids(ids.to_pylist(), config.pool.heldout_share, config.seed)
    accepted = _training_rows(decided.filter(decided["is_accepted"]), prompts)
    held = [read_table(earlier / f"{name}.parquet", TrainingRow) for name in ("kept", "heldout")]
    rows = pa.concat_tables([*held, accepted])
    fate_N, is_heldout_N = decide_pool(rows, config.pool, seed=config.seed), _are_of(rows, heldout)
    trained, fate_T = rows.filter(pa.array(~is_heldout_N)), fate_N[~is_heldout_N]
    write_table(folder / "kept.parquet", trained.filter(pa.array(fate_T == KEPT)))
    held_out = rows.filter(pa.array((fate_N == KEPT) & is_heldout_N))
    write_table(folder / "heldout.parquet", held_out)
    figures = describe_pool(trained, fate_T, ids.filter(pa.array(~_are_of(prompts, heldout))))
    counts = {"heldout_prompts": len(heldout), "heldout_rows": len(held_out)}
    text = json.dumps(figures.as_dict() | counts, indent=2, sort_keys=True)
    (folder / "diagnostics.json").write_text(text + "\n", encoding="utf-8")
    finished = _training_rows(decided.filter(pc.equal(decided["finish_reason"], "stop")), prompts)
    finished = finished.filter(pa.array(~_are_of(finished, heldout)))
    seen = read_table(earlier / "seen.parquet", TrainingRow)
    write_table(folder / "seen.parquet", pa.concat_tables([seen, _unweighted(finished)]))


def _are_of(rows: pa.Table, prompt_ids: Collection[str]) -> np.ndarray:
    """(N,) whether each row is of one of some prompts."""
    among = pc.is_in(rows["prompt_id"], value_set=pa.array(sorted(prompt_ids), pa.string()))
    are_of_N: np.ndarray = among.to_numpy()
    return are_of_N


def _training_rows(decided: pa.Table, prompts: pa.Table) -> pa.Table:
    """Decisions as training rows, in the order of prompts and draws: no part's, no shard's."""
    decided = decided.sort_by([("prompt_id", "ascending"), ("draw", "ascending")])
    of_row = pc.index_in(decided["prompt_id"], value_set=prompts["prompt_id"].combine_chunks())
    assert not of_row.null_count, "a decision's prompt is one of the split it was drawn for"
    prompt = prompts.take(of_row)
    columns = {
        "prompt_id": decided["prompt_id"],
        "prompt": prompt["text"],
        "context": prompt["context"],
        "family": prompt["family"],
        "completion": decided["text"],
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
