"""Stage ``base``: the policy that the first round samples from, and the pool it starts with.

A base comes from a local Hugging Face folder, from the Hub, or is made here: a small T5 trained
on the labelled rows. Either way it is saved as an ordinary Hugging Face folder with its rendering
beside it, and everything after this stage treats it the same.
"""

from rsft.config import BaseSection, Config, FinetuneSection
from rsft.errors import ConfigurationError
from rsft.finetune import Job
from rsft.ledger import read_rows, write_rows
from rsft.policy import build_scratch, fetch_base, save_policy, use_machine
from rsft.stages.command import run_as_command
from rsft.stages.contract import BASE, split_file
from rsft.stages.training import train_into, whole_or_not_at_all
from rsft.types import Progress, Prompt, TrainingRow


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``data/base/model`` and the pool of round 0: the labelled rows.

    Raises:
        ConfigurationError: Where a base is to be made without labelled rows.
    """
    use_machine(config.runtime)
    labelled = read_rows(split_file("labelled"), Prompt)
    rows = [labelled_row(prompt) for prompt in labelled if prompt.solution is not None]
    if config.base.model == "scratch":
        if not rows:
            raise ConfigurationError(
                "base.model = 'scratch' needs labelled prompts with solutions to learn from; "
                "give prompts.files.labelled, or name a model folder or Hub id"
            )
        texts = [prompt.text for prompt in labelled + read_rows(split_file("train"), Prompt)]
        job = _recipe(config.base, rows, texts, seed=config.seed)
        setting = "base.scratch.training"
        train_into(BASE / "model", job, "base", config.hosts, progress, setting=setting)
    else:
        policy = fetch_base(config.base)
        with whole_or_not_at_all(BASE / "model"):
            save_policy(policy, BASE / "model")
    write_rows(BASE / "pool" / "kept.parquet", TrainingRow, rows)
    for name in ("seen", "heldout"):
        write_rows(BASE / "pool" / f"{name}.parquet", TrainingRow, [])


def _recipe(section: BaseSection, rows: list[TrainingRow], texts: list[str], *, seed: int) -> Job:
    """An untrained policy, and what makes it the base."""
    assert section.scratch is not None
    completions = [row.completion for row in rows]
    return Job(
        policy=build_scratch(section.scratch, section.rendering, texts, completions, seed),
        rows=rows,
        section=FinetuneSection(**section.scratch.training.model_dump()),
        seed=seed,
    )


def labelled_row(prompt: Prompt) -> TrainingRow:
    """A labelled prompt as a training row of round 0."""
    assert prompt.solution is not None
    return TrainingRow(
        prompt_id=prompt.prompt_id,
        prompt=prompt.text,
        context=prompt.context,
        family=prompt.family,
        completion=prompt.solution,
        weight=1.0,
        round=0,
        draw=0,
        source=prompt.source,
        licence=prompt.licence,
    )


if __name__ == "__main__":
    run_as_command(run)
