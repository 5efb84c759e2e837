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
from rsft.generate import Request, SamplingLaw, local_engine
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, encode_questions, load_policy, refuse_too_long, use_threads
from rsft.score import Rewards, build_rewards
from rsft.stages.command import run_as_command
from rsft.stages.contract import PROMPTS, here, split_file
from rsft.types import Answer, Candidate, Progress, Prompt

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
    section = config.evaluate
    names = [prompt.prompt_id for prompt in prompts]
    refuse_too_long(policy, encode_questions(policy, prompts), names, section.max_new_tokens)
    engine = local_engine(config.generate.engine, policy, "evaluated", config.runtime)

    def draw(draws: int, temperature: float) -> list[Candidate]:
        return engine.draw(
            [Request(prompt=prompt, draws=range(draws)) for prompt in prompts],
            SamplingLaw(max_new_tokens=section.max_new_tokens, temperature=temperature),
            seed=config.seed,
            round=EVALUATION_ROUND,
        )

    greedy, drawn = draw(1, temperature=0), draw(section.draws, temperature=1)
    answers = []
    for index, (prompt, completion) in enumerate(zip(prompts, greedy, strict=True)):
        draws = drawn[index * section.draws : (index + 1) * section.draws]
        scores = [rewards.score(prompt, draw.text) for draw in draws]
        scored = [score.reward for score in scores if score.reward is not None]
        score = rewards.score(prompt, completion.text)
        answers.append(
            Answer(
                split=name,
                prompt_id=prompt.prompt_id,
                family=prompt.family,
                prompt=prompt.text,
                context=prompt.context,
                gold=prompt.answer or "",
                completion=completion.text,
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
