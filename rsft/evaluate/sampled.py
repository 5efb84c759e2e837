"""What the sampled answers to a set say: pass@1, pass@k, maj@k and the mean reward, by seed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from rsft.evaluate.majority import maj_at_k
from rsft.evaluate.metrics import pass_at_k
from rsft.types import Answer

FIGURES = ("pass_at_1", "pass_at_k", "maj_at_k", "draw_reward")
"""What is measured on draws; ``draw_reward`` is their mean reward."""


def summarise_draws(
    sampled: Sequence[Answer], *, prompts: int, draws: int, k: int, seeds: int
) -> dict[str, Any]:
    """The figures of the sampled answers to one set, for JSON.

    Args:
        sampled: ``draws`` per prompt and seed.
        prompts: Prompts of the set.
        draws: Completions sampled per prompt and seed.
        k: Of pass@k and maj@k.
        seeds: Times that the draws were repeated.

    Returns:
        ``draws``, ``k`` and each of ``FIGURES``, the mean over the seeds; pass@1, pass@k and maj@k
        are means over those prompts that have k scored draws, so that one can be held against the
        other: ``pass_at_k_prompts`` of them, with the seed that has fewest. A figure is null where
        there is no such prompt; maj@k also where no reward reads an outcome to vote for.
        ``unscorable_draws`` are in none of them. ``seeds`` is null for one seed, else by figure
        ``{mean, sd, values}``.
    """
    by_seed: dict[int | None, list[Answer]] = defaultdict(list)
    for answer in sampled:
        by_seed[answer.seed].append(answer)
    has_votes = any(answer.outcome is not None for answer in sampled)
    found = [_of_seed(by_seed[number], k, has_votes) for number in range(seeds)]
    spread = {name: _spread([figures[name] for figures in found]) for name in FIGURES}
    return {
        "draws": draws,
        "k": k,
        **{name: spread[name]["mean"] for name in FIGURES},
        "pass_at_k_prompts": min(figures["prompts"] for figures in found),
        "unscorable_draws": seeds * draws * prompts
        - sum(answer.is_correct is not None for answer in sampled),
        "seeds": spread if seeds > 1 else None,
    }


def _of_seed(sampled: Sequence[Answer], k: int, has_votes: bool) -> dict[str, Any]:
    """The figures of one seed's draws, and the number of prompts that have k scored ones."""
    by_prompt: dict[str, list[Answer]] = defaultdict(list)
    scored = [answer for answer in sampled if answer.is_correct is not None]
    for answer in scored:
        by_prompt[answer.prompt_id].append(answer)
    groups = [_of_prompt(group, k) for group in by_prompt.values() if len(group) >= k]
    return {
        **{name: _mean([group[name] for group in groups]) for name in ("pass_at_1", "pass_at_k")},
        "maj_at_k": _mean([group["maj_at_k"] for group in groups]) if has_votes else None,
        "draw_reward": _mean([a.reward for a in scored if a.reward is not None]),
        "prompts": len(groups),
    }


def _of_prompt(scored: Sequence[Answer], k: int) -> Mapping[str, float]:
    is_right = [bool(answer.is_correct) for answer in scored]
    right, draws = sum(is_right), len(scored)
    at_k = pass_at_k(right, draws, k)
    majority = maj_at_k([answer.outcome for answer in scored], is_right, k)
    assert at_k is not None
    assert majority is not None
    return {"pass_at_1": right / draws, "pass_at_k": at_k, "maj_at_k": majority}


def _spread(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean and sample standard deviation of what is known, and all of it."""
    known = [value for value in values if value is not None]
    return {
        "mean": _mean(known),
        "sd": stdev(known) if len(known) > 1 else None,
        "values": list(values),
    }


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
