"""Answering a set of prompts: once greedily, and several times at temperature 1.

Draws of all policies share their addresses, so that comparisons between them are paired down to
the random numbers.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from rsft.config import Config
from rsft.generate import Request, SamplingLaw, local_engine
from rsft.policy import Policy, encode_questions, refuse_too_long
from rsft.randomness import address_key
from rsft.score import Rewards, Score, build_rewards, completion_of, refuse_all_unscorable
from rsft.types import Answer, Candidate, Progress, Prompt

EVALUATION_ROUND = 0
"""Round number in the address of evaluation draws: the same for every policy."""


def measured_names(config: Config) -> list[str]:
    """Names of the rewards that are measured: those of ``score.rewards``, and the metrics."""
    return sorted({*config.score.rewards, *config.evaluate.metrics})


def measured_rewards(config: Config) -> Rewards:
    """The rewards of ``score.rewards``, and with weight 0 what else ``evaluate.metrics`` names."""
    return build_rewards(config.score, config.evaluate.metrics, device=config.runtime.device)


def answer_set(
    policy: Policy,
    config: Config,
    rewards: Rewards,
    name: str,
    prompts: list[Prompt],
    progress: Progress | None = None,
) -> list[Answer]:
    """Answers one set.

    Args:
        policy: Who answers.
        config: Draws, seeds, caps and the reward of a right answer.
        rewards: Who judges: those of ``score.rewards``, and with weight 0 what else is measured.
        name: The set's name.
        prompts: Its prompts.
        progress: Told of completions as they are drawn.

    Returns:
        Prompt by prompt the greedy answer, then ``evaluate.draws`` of each of ``evaluate.seeds``.

    Raises:
        PromptsError: Where a prompt is longer than the policy can read.
        VerifierError: Where a reward is broken, or can score none of the greedy answers.
    """
    section = config.evaluate
    names = [prompt.prompt_id for prompt in prompts]
    refuse_too_long(policy, encode_questions(policy, prompts), names, section.max_new_tokens)
    engine = local_engine(config.generate.engine, policy, "evaluated", config.runtime)
    total, done = len(prompts) * (1 + section.seeds * section.draws), 0

    def count(drawn: Sequence[Candidate]) -> None:
        nonlocal done
        done += len(drawn)
        if progress is not None:
            progress(done, total, name)

    def draw(draws: int, temperature: float, seed: int) -> list[Candidate]:
        return engine.draw(
            [Request(prompt=prompt, draws=range(draws)) for prompt in prompts],
            SamplingLaw(max_new_tokens=section.max_new_tokens, temperature=temperature),
            seed=seed,
            round=EVALUATION_ROUND,
            on_drawn=count,
        )

    greedy = draw(1, 0, config.seed)
    drawn = [iter(draw(section.draws, 1, _seed(config, s))) for s in range(section.seeds)]
    rows = [[row, *(d for s in drawn for d in islice(s, section.draws))] for row in greedy]
    asked = [
        (prompt, [completion_of(row) for row in own])
        for prompt, own in zip(prompts, rows, strict=True)
    ]
    scores = rewards.score_all(asked)
    refuse_all_unscorable(Counter(first.note for first, *_ in scores), f"evaluate.sets.{name}")
    return [
        _answer(config, name, prompt, place, row, score)
        for prompt, own, judged in zip(prompts, rows, scores, strict=True)
        for place, (row, score) in enumerate(zip(own, judged, strict=True))
    ]


def _seed(config: Config, number: int) -> int:
    """The root of a seed's draws; the first is the run's own."""
    return address_key("evaluate", config.seed, number) if number else config.seed


def _answer(
    config: Config, split: str, prompt: Prompt, place: int, row: Candidate, score: Score
) -> Answer:
    """A prompt's answer: the greedy one is the first, those of the seeds follow."""
    seed, draw = divmod(place - 1, config.evaluate.draws) if place else (None, None)
    assert row.token_count is not None
    assert row.policy_logprob is not None
    return Answer(
        split=split,
        prompt_id=prompt.prompt_id,
        family=prompt.family,
        prompt=prompt.text,
        context=prompt.context,
        golds=prompt.answers,
        seed=seed,
        draw=draw,
        completion=row.text,
        finish_reason=row.finish_reason,
        token_count=row.token_count,
        policy_logprob=row.policy_logprob,
        outcome=score.outcome,
        reward=score.reward,
        measured=dict(score.breakdown),
        is_correct=None if score.reward is None else score.reward >= config.filter.correct_reward,
    )


def greedy_of(answers: Sequence[Answer]) -> list[Answer]:
    """The greedy answers among them, one per prompt."""
    return [answer for answer in answers if answer.draw is None]
