"""The envelope constant c: rejection sampling is exact if and only if c ≥ sup P̃/M.

known                given; exact where the caller is right
per_prompt_maximum   the largest ratio among a prompt's candidates, at least a floor. Biased low:
                     ratios not yet seen may be larger, and the largest seen is always accepted
budgeted             the one c at which the mean accept probability in the target's support is the
                     wanted one; ratios above it are clipped, and how much is reported (optimal
                     budgeted rejection sampling, Verine et al. 2024, arXiv 2311.00460)
"""

import numpy as np

from rsft.config import BoundSection

_BISECTIONS = 100


def log_bound(log_ratio_N: np.ndarray, prompt_N: np.ndarray, section: BoundSection) -> np.ndarray:
    """Finds log c of each candidate's prompt.

    Args:
        log_ratio_N: log P̃ − log M in nats, −inf where P̃ = 0.
        prompt_N: Number of each candidate's prompt, from 0.
        section: Which bound.

    Returns:
        (N,) in nats.
    """
    if section.method == "known":
        assert section.log_bound is not None
        return np.full_like(log_ratio_N, section.log_bound)
    if section.method == "per_prompt_maximum":
        assert section.log_bound is not None
        largest_P = np.full(prompt_N.max(initial=-1) + 1, section.log_bound)
        np.maximum.at(largest_P, prompt_N, log_ratio_N)
        bound_N: np.ndarray = largest_P[prompt_N]
        return bound_N
    assert section.acceptance_rate is not None
    return np.full_like(log_ratio_N, _budgeted(log_ratio_N, section.acceptance_rate))


def _budgeted(log_ratio_N: np.ndarray, acceptance_rate: float) -> float:
    """The log c at which the mean of min(1, exp(log ratio − log c)) is the wanted rate."""
    # Sorted, because a sum depends in its last bits on the order of what is added.
    supported_N = np.sort(log_ratio_N[np.isfinite(log_ratio_N)])
    if not len(supported_N):
        return 0.0
    low = supported_N.min()  # the mean is 1 here, and falls from here on
    high = supported_N.max() - np.log(acceptance_rate)  # and at most the wanted rate here
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if np.exp(np.minimum(0, supported_N - middle)).mean() > acceptance_rate:
            low = middle
        else:
            high = middle
    return float(high)
