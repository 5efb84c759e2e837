"""Stage ``evaluate``: what a policy answers on the evaluation and guard sets.

Each prompt is answered once greedily (exact match) and several times at temperature 1 (pass@k).
Draws of all policies share their addresses, so that comparisons between them are paired down to
the random numbers.
"""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from rsft.config import Config
from rsft.errors import ConfigurationError
from rsft.evaluate import summarise
from rsft.generate import Request, SamplingLaw, local_engine
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, encode_questions, load_policy, refuse_too_long, use_threads
from rsft.score import Rewards, Score, build_rewards, completion_of, refuse_all_unscorable
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

    greedy, drawn = draw(1, temperature=0), iter(draw(section.draws, temperature=1))
    answers = [[row, *islice(drawn, section.draws)] for row in greedy]
    asked = [
        (prompt, [completion_of(row) for row in rows])
        for prompt, rows in zip(prompts, answers, strict=True)
    ]
    scores = rewards.score_all(asked)
    notes = Counter(greedy.note for greedy, *_ in scores)
    refuse_all_unscorable(notes, f"evaluate.sets.{name}")
    return [
        _answer(name, prompt, rows[0].text, judged, config.filter.correct_reward)
        for prompt, rows, judged in zip(prompts, answers, scores, strict=True)
    ]


def _answer(
    split: str, prompt: Prompt, completion: str, scores: Sequence[Score], correct_reward: float
) -> Answer:
    """The greedy answer, whose score is the first, beside the draws."""
    is_correct, *draws = [
        None if score.reward is None else score.reward >= correct_reward for score in scores
    ]
    scored = [is_right for is_right in draws if is_right is not None]
    return Answer(
        split=split,
        prompt_id=prompt.prompt_id,
        family=prompt.family,
        prompt=prompt.text,
        context=prompt.context,
        golds=prompt.answers,
        completion=completion,
        outcome=scores[0].outcome,
        is_correct=is_correct,
        draws=len(scored),
        correct_draws=sum(scored),
    )


if __name__ == "__main__":
    run_as_command(run)
