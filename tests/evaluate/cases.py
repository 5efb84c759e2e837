"""Answers with every field filled in, for tests to change the one they speak of."""

from typing import Any

from rsft.evaluate.monitors import Drift, Figures
from rsft.types import Answer


def answer(prompt: int, draw: int | None, **values: Any) -> Answer:
    """A right answer of four tokens to the prompt of a number; greedy without a draw."""
    fields: dict[str, Any] = {
        "split": "heldout",
        "prompt_id": f"train-{prompt}",
        "family": f"family-{prompt}",
        "prompt": "ann has 3 pens",
        "context": (),
        "golds": ("7",),
        "seed": None if draw is None else 0,
        "draw": draw,
        "completion": "n0 + n1",
        "finish_reason": "stop",
        "token_count": 4,
        "policy_logprob": -2.0,
        "outcome": "7",
        "reward": 1.0,
        "measured": {"exact_match": 1.0},
        "is_correct": True,
    }
    return Answer(**(fields | values))


def figures(**values: Any) -> Figures:
    """Unremarkable figures."""
    fields: dict[str, Any] = {
        "prompts": 100,
        "too_long": 0,
        "unscorable": 0,
        "accuracy": 0.5,
        "low": 0.4,
        "high": 0.6,
        "token_entropy": 0.8,
        "distinct": 0.4,
        "pass_at_1": 0.45,
        "pass_at_k": 0.75,
        "pass_gap": 0.3,
        "pass_prompts": 100,
        "mean_tokens": 12.0,
        "mean_reward": 0.45,
        "mean_gold": 0.4,
    }
    return Figures(**(fields | values))


def drift(**values: Any) -> Drift:
    """None at all."""
    fields: dict[str, Any] = {
        "entropy_ratio": 1.0,
        "distinct_ratio": 1.0,
        "length_ratio": 1.0,
        "reward_gain": 0.0,
        "gold_gain": 0.0,
        "reward_gap": 0.0,
    }
    return Drift(**(fields | values))
