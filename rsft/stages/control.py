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

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rsft.config import Config, ControlName, FinetuneSection
from rsft.errors import ConfigurationError
from rsft.finetune import Job
from rsft.ledger import read_rows
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
    kept, seen = (_rows_up_to_policy(number, name) for name in ("kept", "seen"))
    rows = control_rows(name, kept, seen, seed=config.seed)
    if not rows:
        raise ConfigurationError(
            f"controls.names: {name!r} has no rows to train on; remove it, or give labelled "
            "prompts with solutions"
        )
    policy = load_policy(BASE / "model")
    policy.model.to(device)
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


def _rows_up_to_policy(number: str, table: str) -> list[TrainingRow]:
    """Rows of a round's pool, without those drawn after the policy that the round hands on."""
    rows = read_rows(here(number) / "pool" / f"{table}.parquet", TrainingRow)
    last = int(read_handed_on(here(number))["round"])
    return [row for row in rows if row.round <= last] if last else rows


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
    name: ControlName, kept: Sequence[TrainingRow], seen: Sequence[TrainingRow], *, seed: int
) -> list[TrainingRow]:
    """The training rows of a control: the labelled ones, and what its definition adds.

    Args:
        name: Which control.
        kept: The pool of the round, labelled rows (round 0) included.
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
    kept: Sequence[TrainingRow], candidates: Sequence[TrainingRow], seed: int
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
