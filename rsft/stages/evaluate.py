"""Stage ``evaluate``: what a policy answers on the evaluation and guard sets.

Each prompt is answered once greedily (exact match) and several times at temperature 1 (pass@k).
Draws of all policies share their addresses, so that comparisons between them are paired down to
the random numbers.
"""

import json
from pathlib import Path

from rsft.config import Config
from rsft.errors import ConfigurationError
from rsft.evaluate import summarise
from rsft.generate import NativeEngine, Request, SamplingLaw
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, answer, load_policy, use_threads
from rsft.score import Rewards, build_rewards
from rsft.stages.command import run_as_command
from rsft.stages.contract import PROMPTS, here, split_file
from rsft.types import Answer, Progress, Prompt

EVALUATION_ROUND = 0
"""Round number in the address of evaluation draws: the same for every policy."""


def run(config: Config, key: str, progress: Progress) -> None:
    """Measures a round's policy; key 0 is the base."""
    use_threads(config.runtime.threads)
    measure(load_policy(here(key) / "model"), config, here(key), progress)


def measure(policy: Policy, config: Config, folder: Path, progress: Progress | None = None) -> None:
    """Writes ``evaluation.json`` and ``answers/`` of a policy into a folder.

    Raises:
        ConfigurationError: Where a set's split does not exist or has no prompts.
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


def answer_set(
    policy: Policy, config: Config, rewards: Rewards, name: str, prompts: list[Prompt]
) -> list[Answer]:
    """Answers one set: a greedy completion and ``evaluate.draws`` sampled ones per prompt."""
    section, runtime = config.evaluate, config.runtime
    greedy = answer(
        policy,
        [prompt.text for prompt in prompts],
        section.max_new_tokens,
        contexts=[prompt.context for prompt in prompts],
        memory_gib=runtime.memory_gib,
        max_rows=runtime.max_rows,
    )
    engine = NativeEngine(
        policy, policy.version, memory_gib=runtime.memory_gib, max_rows=runtime.max_rows
    )
    drawn = engine.draw(
        [Request(prompt=prompt, draws=range(section.draws)) for prompt in prompts],
        SamplingLaw(max_new_tokens=section.max_new_tokens),
        seed=config.seed,
        round=EVALUATION_ROUND,
    )
    answers = []
    for index, (prompt, completion) in enumerate(zip(prompts, greedy, strict=True)):
        draws = drawn[index * section.draws : (index + 1) * section.draws]
        scores = [rewards.score(prompt, draw.text) for draw in draws]
        scored = [score.reward for score in scores if score.reward is not None]
        score = rewards.score(prompt, completion)
        answers.append(
            Answer(
                split=name,
                prompt_id=prompt.prompt_id,
                family=prompt.family,
                prompt=prompt.text,
                context=prompt.context,
                gold=prompt.answer or "",
                completion=completion,
                outcome=score.outcome,
                is_correct=_is_correct(score.reward, config),
                draws=len(scored),
                correct_draws=sum(_is_correct(reward, config) for reward in scored),
            )
        )
    return answers


def _is_correct(reward: float | None, config: Config) -> bool:
    return reward is not None and reward >= config.filter.correct_reward


if __name__ == "__main__":
    run_as_command(run)
