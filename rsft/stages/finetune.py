"""Stage ``finetune``: trains the policy on the pool, if the gate let the round's rows pass.

The verdict is a dependency of this stage, so ``dvc repro`` cannot go round it either.
"""

from rsft.config import Config
from rsft.errors import ExpectationsError
from rsft.finetune import Job
from rsft.ledger import read_rows
from rsft.policy import load_policy, use_machine
from rsft.stages.command import run_as_command
from rsft.stages.contract import BASE, before, copy_policy, here, read_json, stopped_before
from rsft.stages.training import reference_of, train_into
from rsft.types import Progress, TrainingRow


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes what the round trained; where the rounds have ended, what it was given.

    Raises:
        ExpectationsError: Where a critical expectation failed.
    """
    if stopped_before(config, key) is not None:
        copy_policy(before(config, key) / "model", here(key) / "trained")
        return
    require_verdict(key)
    device = use_machine(config.runtime)
    start = BASE if config.finetune.start == "base" else before(config, key)
    policy = load_policy(start / "model", device=device)
    rows = read_rows(here(key) / "pool" / "kept.parquet", TrainingRow)
    heldout: list[TrainingRow] = []
    if config.finetune.early_stopping is not None:
        heldout = read_rows(here(key) / "pool" / "heldout.parquet", TrainingRow)
    job = Job(
        policy=policy,
        rows=rows,
        section=config.finetune,
        seed=config.seed,
        reference=reference_of(config, device),
        heldout=heldout,
    )
    train_into(here(key) / "trained", job, f"finetune-{key}", config.hosts, progress)


def require_verdict(key: str) -> None:
    """Stops a round whose accepted rows failed a critical expectation.

    Raises:
        ExpectationsError: Naming what failed and where the rows are.
    """
    file = here(key) / "validation" / "verdict.json"
    verdict = read_json(file)
    if not verdict["success"]:
        failed = "; ".join(item["summary"] for item in verdict["failed"])
        raise ExpectationsError(
            f"round {key}: the accepted rows fail {failed}; training did not start. The rows are "
            f"in {file.with_name('failing_rows.parquet')}"
        )


if __name__ == "__main__":
    run_as_command(run)
