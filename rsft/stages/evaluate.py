"""Stage ``evaluate``: what a policy answers on the evaluation and guard sets."""

import json
from pathlib import Path

from rsft.config import Config
from rsft.errors import ConfigurationError
from rsft.evaluate import summarise
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, load_policy, use_machine
from rsft.score import build_rewards
from rsft.stages.answering import answer_set
from rsft.stages.command import run_as_command
from rsft.stages.contract import PROMPTS, here, split_file
from rsft.types import Answer, Progress, Prompt


def run(config: Config, key: str, progress: Progress) -> None:
    """Measures a round's policy; key 0 is the base."""
    device = use_machine(config.runtime)
    policy = load_policy(here(key) / "model")
    policy.model.to(device)
    measure(policy, config, here(key), progress)


def measure(policy: Policy, config: Config, folder: Path, progress: Progress | None = None) -> None:
    """Writes ``evaluation.json`` and ``answers/`` of a policy into a folder.

    Raises:
        ConfigurationError: Where a set's split does not exist or has no prompts.
        VerifierError: Where a reward is broken, or can score no answer of a set at all.
    """
    rewards = build_rewards(config.score)
    sets = {name: _read_split(name, split) for name, split in config.evaluate.sets.items()}
    summary = {}
    answers: list[Answer] = []
    for number, (name, prompts) in enumerate(sets.items(), start=1):
        answered = answer_set(policy, config, rewards, name, prompts)
        answers += answered
        summary[name] = summarise(
            answered,
            draws=config.evaluate.draws,
            k=config.evaluate.k,
            resamples=config.evaluate.resamples,
            confidence=config.evaluate.confidence,
            seed=config.seed,
        )
        if progress is not None:
            progress(number, len(sets))
    write_rows(folder / "answers" / "part-00000.parquet", Answer, answers)
    text = json.dumps(summary, indent=2, sort_keys=True)
    (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")


def _read_split(name: str, split: str) -> list[Prompt]:
    file = split_file(split)
    prompts = read_rows(file, Prompt) if file.exists() else []
    if not prompts:
        others = ", ".join(sorted({other.stem for other in PROMPTS.glob("*.parquet")} - {split}))
        raise ConfigurationError(
            f"evaluate.sets.{name} = {split!r}: there are no prompts of this split; remove the "
            f"set, or name another split: {others}"
        )
    return prompts


if __name__ == "__main__":
    run_as_command(run)
