"""Stage ``control``: the same training on rows that no filter chose.

A gain over the base says nothing about the filter: training on unfiltered samples has gained too.
Each control starts from the base, takes the optimiser steps that the round's policy has taken since
the base, and differs in its rows alone:

    random             per prompt as many rows as the pool kept, uniform over the first round's
                       candidates of that prompt
    random_all_rounds  the same over all rounds' candidates (later rounds' inherit verification)
    no_filter          every distinct candidate of all rounds
    supervised         the labelled rows only

Candidates that the length cap cut are left out everywhere: a prefix cannot be learnt from. So are
those of held-out prompts, as in a round. Where a prompt has fewer candidates than rows were kept,
all of them are taken, and how many rows are missing is recorded and shown.

Where a round hands on an earlier one's policy, rows and candidates are those up to that earlier
round: what was drawn since is in neither. (With ``pool.balance`` the earlier rows that have given
way since are not told, and not matched.) A base that is handed on has no rows of its own; the
control then has those of all rounds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from rsft.config import Config, ControlName, FinetuneSection
from rsft.errors import ConfigurationError
from rsft.finetune import Job
from rsft.keys import text_keys
from rsft.ledger import read_rows, rows_of, stream_tables
from rsft.policy import load_policy, use_machine
from rsft.randomness import generator
from rsft.stages.command import run_as_command
from rsft.stages.contract import BASE, control_folder, here, read_handed_on, write_json
from rsft.stages.evaluate import measure
from rsft.stages.training import reference_of, train_into
from rsft.types import Progress, TrainingRow

MATCHED: tuple[ControlName, ...] = ("random", "random_all_rounds")
"""Controls with as many rows of each prompt as the pool kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFigures:
    """What a control was trained on."""

    rows: int
    """Training rows, the labelled ones included."""
    labelled: int
    """Labelled rows among them."""
    missing: int
    """Rows that it has less than the pool kept, for want of candidates of their prompts; 0 for
    controls that match no number of rows."""
    steps: int
    """Optimiser steps, those of all trainings that the round's policy has gone through."""


def run(config: Config, key: str, progress: Progress) -> None:
    """Trains and evaluates a control; its key is ``<round>-<name>``.

    Raises:
        ConfigurationError: Where it has no rows to train on.
    """
    device = use_machine(config.runtime)
    number, _, wanted = key.partition("-")
    name = next(name for name in config.controls.names if name == wanted)
    folder = control_folder(int(number), name)
    pool = here(number) / "pool"
    last = int(read_handed_on(here(number))["round"]) or int(number)
    kept = [row for row in read_rows(pool / "kept.parquet", TrainingRow) if row.round <= last]
    rows = control_rows(name, kept, pool / "seen.parquet", last=last, seed=config.seed)
    if not rows:
        raise ConfigurationError(
            f"controls.names: {name!r} has no rows to train on; remove it, or give labelled "
            "prompts with solutions"
        )
    policy = load_policy(BASE / "model", device=device)
    reference = reference_of(config, device)
    trainings = _trainings(config, number)
    if name == "supervised":  # whose rows have nobody to share with, whatever their share
        trainings = [one.model_copy(update={"supervised_share": None}) for one in trainings]
    for place, section in enumerate(trainings, start=1):
        job = Job(policy=policy, rows=rows, section=section, seed=config.seed, reference=reference)
        train_into(folder / "model", job, f"control-{key}-{place}", config.hosts, progress)
    figures = ControlFigures(
        rows=len(rows),
        labelled=sum(row.round == 0 for row in rows),
        missing=len(kept) - len(rows) if name in MATCHED else 0,
        steps=sum(section.steps for section in trainings),
    )
    write_json(folder / "model" / "control.json", asdict(figures))
    measure(policy, config, folder)


def _trainings(config: Config, number: str) -> list[FinetuneSection]:
    """The trainings that the policy a round hands on has gone through, with the steps they took.

    One where every round starts from the base. A base that is handed on has gone through none; a
    control then has one, or it would be that base itself.
    """
    handed_on = read_handed_on(here(number))
    last = int(handed_on["round"])
    first = 1 if config.finetune.start == "previous" else last
    taken = [handed_on["steps"][str(number)] for number in range(first, last + 1) if number]
    return [
        config.finetune.model_copy(update={"early_stopping": None, "steps": steps})
        for steps in taken or [config.finetune.steps]
    ]


def control_rows(
    name: ControlName, kept: Sequence[TrainingRow], seen: Path, *, last: int, seed: int
) -> list[TrainingRow]:
    """The training rows of a control: the labelled ones, and what its definition adds.

    Args:
        name: Which control.
        kept: The pool of the round, labelled rows (round 0) included.
        seen: Table of ``TrainingRow``: every finished candidate. Its texts are read for the rows
            that are chosen alone.
        last: The last round whose candidates are taken.
        seed: Root of the draws.

    Raises:
        LedgerError: Where the table cannot be read.
    """
    labelled = [row for row in kept if row.round == 0]
    if name == "supervised":
        return labelled
    candidates = _candidates(seen, 1 if name == "random" else last)
    if name == "no_filter":
        return labelled + _rows_at(seen, _distinct(seen, candidates))
    return labelled + _rows_at(seen, _matched(kept, candidates, seed))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidates:
    """What a control chooses by, of C candidates."""

    row_C: np.ndarray
    """Their rows in the table."""
    prompt_C: np.ndarray
    """Numbers of their prompts."""
    prompt_ids: list[str]
    """(P,) The prompts."""


def _candidates(seen: Path, last: int) -> _Candidates:
    """Those of the rounds up to the last."""
    prompts: list[pa.Array] = []
    rounds = [np.empty(0, np.int64)]
    for table in stream_tables(seen, TrainingRow, ["prompt_id", "round"]):
        prompts += table["prompt_id"].chunks
        rounds.append(table["round"].to_numpy())
    row_C = np.flatnonzero(np.concatenate(rounds) <= last)
    numbered = pa.chunked_array(prompts, pa.string()).dictionary_encode().combine_chunks()
    return _Candidates(
        row_C=row_C,
        prompt_C=numbered.indices.to_numpy()[row_C],
        prompt_ids=numbered.dictionary.to_pylist(),
    )


def _distinct(seen: Path, candidates: _Candidates) -> np.ndarray:
    """Row of the first candidate of each prompt and text."""
    texts = stream_tables(seen, TrainingRow, ["completion"])
    keys = [np.empty(0, np.uint64), *(text_keys(table["completion"]) for table in texts)]
    text_key_C = np.concatenate(keys)[candidates.row_C]
    both = pd.DataFrame({"prompt": candidates.prompt_C, "text": text_key_C})
    row_D: np.ndarray = candidates.row_C[~both.duplicated().to_numpy()]
    return row_D


def _matched(kept: Sequence[TrainingRow], candidates: _Candidates, seed: int) -> np.ndarray:
    """Rows of as many candidates of each prompt as were kept, or of all that there are."""
    by_prompt = np.argsort(candidates.prompt_C, kind="stable")
    sizes_P = np.bincount(candidates.prompt_C, minlength=len(candidates.prompt_ids))
    of_prompt = np.split(candidates.row_C[by_prompt], np.cumsum(sizes_P))[:-1]
    rows_by_prompt = dict(zip(candidates.prompt_ids, of_prompt, strict=True))
    chosen = [np.empty(0, np.int64)]
    for prompt_id, wanted in Counter(row.prompt_id for row in kept if row.round > 0).items():
        row_K = rows_by_prompt.get(prompt_id, chosen[0])
        pick = generator("control", seed, prompt_id).permutation(len(row_K))
        chosen.append(row_K[pick[:wanted]])
    return np.concatenate(chosen)


def _rows_at(file: Path, row_C: np.ndarray) -> list[TrainingRow]:
    """Some rows of a table, by their numbers and in their order."""
    order = np.argsort(row_C)
    rows: list[TrainingRow] = []
    start = 0
    for table in stream_tables(file, TrainingRow):
        end = start + len(table)
        first, after = np.searchsorted(row_C, [start, end], sorter=order)
        rows += rows_of(table.take(pa.array(row_C[order[first:after]] - start)), TrainingRow)
        start = end
    return [rows[place] for place in np.argsort(order).tolist()]


if __name__ == "__main__":
    run_as_command(run)
