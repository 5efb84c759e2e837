"""Stage ``evaluate``: what a policy answers on the evaluation and guard sets."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsft.config import TRAINING, Config
from rsft.errors import ConfigurationError
from rsft.evaluate import WIN, perplexity, summarise, win_rate
from rsft.ledger import read_rows, write_rows
from rsft.policy import (
    Policy,
    completion_logprobs,
    encode_completions,
    encode_questions,
    load_policy,
    use_machine,
)
from rsft.stages.answering import (
    answer_set,
    greedy_of,
    measured_names,
    measured_rewards,
)
from rsft.stages.command import run_as_command
from rsft.stages.contract import BASE, PROMPTS, here, read_greedy, split_file
from rsft.stages.winning import wins_over
from rsft.types import Answer, Progress, Prompt

_ROWS_TOGETHER = 64
"""Of a teacher-forced batch."""


def run(config: Config, key: str, progress: Progress) -> None:
    """Measures a round's policy; key 0 is the base."""
    device = use_machine(config.runtime)
    policy = load_policy(here(key) / "model", device=device)
    measure(policy, config, here(key), progress)


def measure(policy: Policy, config: Config, folder: Path, progress: Progress | None = None) -> None:
    """Writes ``evaluation.json`` and ``answers/`` of a policy into a folder.

    Raises:
        ConfigurationError: Where a set's split does not exist or has no prompts.
        VerifierError: Where a reward is broken, or can score no answer of a set at all.
        EngineError: Where a judge's server cannot be reached, or judges nothing at all.
    """
    rewards = measured_rewards(config)
    names = sorted(config.evaluate.sets, key=lambda name: (name != "eval", name))
    sets = {name: _read_split(name, config.evaluate.sets[name]) for name in names}
    is_compared = config.evaluate.win_rate is not None and folder != BASE
    base = read_greedy(BASE / "answers") if is_compared else {}
    figures = {}
    answers: list[Answer] = []
    for name, prompts in sets.items():
        answered = answer_set(policy, config, rewards, name, prompts, progress)
        if is_compared:
            wins = wins_over(config, prompts, greedy_of(answered), base[name], progress)
            answered = _with_wins(answered, wins)
        figures[name] = {
            **_summary(config, answered),
            "win_rate": win_rate(answered, **_bootstrap(config)) if is_compared else None,
            **_perplexity(policy, config, prompts),
        }
        answers += answered
    write_rows(folder / "answers" / "part-00000.parquet", Answer, answers)
    text = json.dumps(figures, indent=2, allow_nan=False)
    (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")


def _summary(config: Config, answers: Sequence[Answer]) -> dict[str, Any]:
    section = config.evaluate
    return summarise(
        answers,
        measured_names(config),
        draws=section.draws,
        k=section.k,
        seeds=section.seeds,
        **_bootstrap(config),
    )


def _bootstrap(config: Config) -> dict[str, Any]:
    section = config.evaluate
    return {
        "resamples": section.resamples,
        "confidence": section.confidence,
        "seed": config.seed,
    }


def _with_wins(answers: Sequence[Answer], wins: Sequence[float | None]) -> list[Answer]:
    """The answers, the verdict on each greedy one among what was measured of it."""
    left = iter(wins)
    return [
        answer if answer.draw is not None else _with_win(answer, next(left)) for answer in answers
    ]


def _with_win(answer: Answer, win: float | None) -> Answer:
    return answer if win is None else replace(answer, measured={**answer.measured, WIN: win})


def _perplexity(policy: Policy, config: Config, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """Perplexity of the references that there are and that fit the policy, and how many."""
    known = [(p, text) for p in prompts if (text := _reference(config, p)) is not None]
    prompt_ids = encode_questions(policy, [prompt for prompt, _ in known])
    completion_ids = encode_completions(policy, [text for _, text in known])
    rows = [
        (asked, said)
        for asked, said in zip(prompt_ids, completion_ids, strict=True)
        if policy.has_room(len(asked), len(said))
    ]
    logprob_R = completion_logprobs(
        policy,
        [asked for asked, _ in rows],
        [said for _, said in rows],
        batch_rows=_ROWS_TOGETHER,
    )
    return {
        "perplexity": perplexity(logprob_R.tolist(), [len(said) for _, said in rows]),
        "perplexity_prompts": len(rows),
    }


def _reference(config: Config, prompt: Prompt) -> str | None:
    """What a policy might have said; where it works solutions out, a bare answer is not that."""
    if prompt.solution is not None or "worked_solution" in config.score.rewards:
        return prompt.solution
    return prompt.answers[0] if prompt.answers else None


def _read_split(name: str, split: str) -> list[Prompt]:
    file = split_file(split)
    prompts = read_rows(file, Prompt) if file.exists() else []
    if not prompts:
        there = {other.stem for other in PROMPTS.glob("*.parquet")}
        others = ", ".join(sorted(there - {split, *TRAINING}))
        raise ConfigurationError(
            f"evaluate.sets.{name} = {split!r}: there are no prompts of this split; remove the "
            f"set, or name another split: {others}"
        )
    return prompts


if __name__ == "__main__":
    run_as_command(run)
