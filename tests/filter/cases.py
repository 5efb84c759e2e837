"""Candidates and settings with every field filled in, for tests to change the one they speak of."""

from collections.abc import Sequence
from typing import Any

from rsft.config import BoundSection, FilterSection
from rsft.filter import decide
from rsft.types import Decided, Scored


def candidate(draw: int = 0, **values: Any) -> Scored:
    """A finished, right completion of prompt ``p``, its text its own."""
    fields = {
        "prompt_id": "p",
        "round": 1,
        "draw": draw,
        "policy_version": "abc",
        "text": f"text {draw}",
        "token_ids": (4, 5, 1),
        "token_count": 3,
        "finish_reason": "stop",
        "proposal_logprob": -1.0,
        "policy_logprob": -1.5,
        "reward": 1.0,
        "reward_breakdown": {"exact_match": 1.0},
        "score_status": "ok",
        "outcome": "7",
    }
    return Scored(**(fields | values))


def settings(**values: Any) -> FilterSection:
    """Accepts every right completion, unless a test asks for something else."""
    fields = {
        "rule": "coin",
        "target": "policy_correct",
        "correct_reward": 1.0,
        "bound": known(0.0),
        "deduplicate": False,
        "max_per_prompt": None,
    }
    return FilterSection(**(fields | values))


def known(log_bound: float) -> BoundSection:
    return BoundSection(method="known", log_bound=log_bound)


def per_prompt_maximum(floor: float) -> BoundSection:
    return BoundSection(method="per_prompt_maximum", log_bound=floor)


def budgeted(acceptance_rate: float) -> BoundSection:
    return BoundSection(method="budgeted", acceptance_rate=acceptance_rate)


def decided(scored: Sequence[Scored], seed: int = 0, **values: Any) -> list[Decided]:
    """The decisions of round 1."""
    return decide(scored, settings(**values), seed=seed, round=1)


def reasons(scored: Sequence[Scored], **values: Any) -> list[str]:
    return [row.reason for row in decided(scored, **values)]
