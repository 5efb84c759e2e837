"""Targets: the unnormalised log P̃(y|x) that the kept completions are to follow.

    uniform_correct   1[ok]                 uniform over right completions: A ∝ 1/M
    policy_correct    M · 1[ok]             the sampling law given that it is right: A = 1
    tilt              M · exp(reward/beta)  the sampling law, tilted towards reward

A completion that the length cap cut stands for all its continuations, not for itself: P̃ = 0.
Truncated sampling (top-k, top-p) cannot draw outside its support: the target is restricted to it.
"""

import numpy as np

from rsft.config import FilterSection


def log_target(
    reward_N: np.ndarray,
    is_finished_N: np.ndarray,
    proposal_logprob_N: np.ndarray,
    section: FilterSection,
) -> np.ndarray:
    """Computes log P̃ of each candidate.

    Args:
        reward_N: Reward, NaN where unscorable.
        is_finished_N: Whether the policy ended the completion.
        proposal_logprob_N: log M in nats.
        section: Which target.

    Returns:
        (N,) in nats, −inf where P̃ = 0.
    """
    if section.target == "tilt":
        assert section.beta is not None
        log_target_N = proposal_logprob_N + reward_N / section.beta
        in_support_N = is_finished_N & ~np.isnan(reward_N)
    else:
        is_uniform = section.target == "uniform_correct"
        log_target_N = np.zeros_like(proposal_logprob_N) if is_uniform else proposal_logprob_N
        in_support_N = is_finished_N & (reward_N >= section.correct_reward)
    return np.where(in_support_N, log_target_N, -np.inf)


def log_ratio(
    log_target_N: np.ndarray,
    reward_N: np.ndarray,
    proposal_logprob_N: np.ndarray,
    section: FilterSection,
) -> np.ndarray:
    """Computes log P̃ − log M of each candidate, (N,) in nats, −inf where P̃ = 0.

    The ratio of a tilt is free of M. Taken as a difference it would carry M's rounding, and rewards
    that are equal would fall on both sides of a bound or threshold that they meet.
    """
    if section.target == "tilt":
        assert section.beta is not None
        return np.where(np.isfinite(log_target_N), reward_N / section.beta, -np.inf)
    ratio_N: np.ndarray = log_target_N - proposal_logprob_N
    return ratio_N
