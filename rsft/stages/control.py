"""Stage ``control``: the same training on rows that no filter chose.

A gain over the base says nothing about the filter: training on unfiltered samples has gained too.
Each control starts from the base, takes the optimiser steps that the last round took, and differs
in its rows alone:

    random             per prompt as many rows as the pool kept, uniform over the first round's
                       candidates of that prompt
    random_all_rounds  the same over all rounds' candidates (later rounds' inherit verification)
    no_filter          every distinct candidate of all rounds
    supervised         the labelled rows only

Candidates that the length cap cut are left out everywhere: a prefix cannot be learnt from.
"""

import json
from collections import Counter, defaultdict
from pathlib import Path

from rsft.config import Config, ControlName, FinetuneSection
from rsft.errors import ConfigurationError
from rsft.finetune import Job
from rsft.ledger import read_rows
from rsft.policy import load_policy, use_machine
from rsft.randomness import generator
from rsft.stages.command import run_as_command
from rsft.stages.contract import BASE, control_folder
from rsft.stages.evaluate import measure
from rsft.stages.training import reference_of, train_into
from rsft.types import Progress, TrainingRow


def run(config: Config, key: str, progress: Progress) -> None:
    """Trains and evaluates a control.

    Raises:
        ConfigurationError: Where it has no rows to train on.
    """
    device = use_machine(config.runtime)
    pool = Path(config.controls.after) / "pool"
    kept = read_rows(pool / "kept.parquet", TrainingRow)
    seen = read_rows(pool / "seen.parquet", TrainingRow)
    name = next(name for name in config.controls.names if name == key)
    policy = load_policy(BASE / "model")
    rows = control_rows(name, kept, seen, seed=config.seed)
    if not rows:
        raise ConfigurationError(
            f"controls.names: {name!r} has no rows to train on; remove it, or give labelled "
            "prompts with solutions"
        )
    policy.model.to(device)
    job = Job(
        policy=policy,
        rows=rows,
        section=equal_steps(config.finetune, Path(config.controls.after)),
        seed=config.seed,
        reference=reference_of(config, device),
    )
    train_into(control_folder(name) / "model", job, f"control-{key}", progress)
    measure(policy, config, control_folder(name))


def equal_steps(section: FinetuneSection, after: Path) -> FinetuneSection:
    """A round's settings, with the steps that its weights took where it could stop early."""
    if section.early_stopping is None:
        return section
    told = json.loads((after / "trained" / "training.json").read_text(encoding="utf-8"))
    return section.model_copy(update={"early_stopping": None, "steps": told["best_step"]})


def control_rows(
    name: ControlName, kept: list[TrainingRow], seen: list[TrainingRow], *, seed: int
) -> list[TrainingRow]:
    """The training rows of a control: the labelled ones, and what its definition adds.

    Args:
        name: Which control.
        kept: The pool of the last round, labelled rows (round 0) included.
        seen: Every finished candidate of all rounds.
        seed: Root of the draws.
    """
    labelled = [row for row in kept if row.round == 0]
    if name == "supervised":
        return labelled
    if name == "no_filter":
        return labelled + list({(row.prompt_id, row.completion): row for row in seen}.values())
    first_only = [row for row in seen if row.round == 1]
    return labelled + _matched(kept, seen if name == "random_all_rounds" else first_only, seed)


def _matched(
    kept: list[TrainingRow], candidates: list[TrainingRow], seed: int
) -> list[TrainingRow]:
    by_prompt: dict[str, list[TrainingRow]] = defaultdict(list)
    for row in candidates:
        by_prompt[row.prompt_id].append(row)
    rows = []
    for prompt_id, wanted in Counter(row.prompt_id for row in kept if row.round > 0).items():
        pick = generator("control", seed, prompt_id).permutation(len(by_prompt[prompt_id]))
        rows += [by_prompt[prompt_id][index] for index in pick[:wanted].tolist()]
    return rows


if __name__ == "__main__":
    run_as_command(run)
