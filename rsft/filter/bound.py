"""The envelope constant c: rejection sampling is exact if and only if c ≥ sup w, w = P̃/M.

known                given; exact where the caller is right
per_prompt_maximum   the largest ratio among a prompt's candidates, at least a floor. Biased low:
                     ratios not yet seen may be larger, and the largest seen is always accepted
global_quantile      one c for all prompts: a quantile of the ratios in the target's support
pilot                the largest ratio among a prompt's first draws, at least a floor. They are
                     spent on it, so that violations among the others are an honest estimate
budgeted             the one c at which the mean accept probability of all candidates is the one
                     wanted; ratios above it are clipped, and how much is reported (optimal
                     budgeted rejection sampling, Verine et al. 2024, arXiv 2311.00460)
"""

import numpy as np

from rsft.config import BoundSection
from rsft.filter.columns import Candidates


def log_bound(log_ratio_N: np.ndarray, candidates: Candidates, section: BoundSection) -> np.ndarray:
    """Finds log c of each prompt.

    Args:
        log_ratio_N: log w in nats, −inf where P̃ = 0.
        candidates: Whose ratios they are.
        section: Which bound.

    Returns:
        (P,) in nats.
    """
    prompts = len(candidates.prompt_ids)
    if section.method == "known":
        return np.full(prompts, section.log_bound, float)
    if section.method == "per_prompt_maximum":
        return _maximum(
            log_ratio_N, candidates.prompt_N, np.full(prompts, section.log_bound, float)
        )
    if section.method == "pilot":
        pilot_N = is_pilot(candidates, section)
        floor_P = np.full(prompts, section.log_bound, float)
        return _maximum(log_ratio_N[pilot_N], candidates.prompt_N[pilot_N], floor_P)
    supported_N = log_ratio_N[np.isfinite(log_ratio_N)]
    if not len(supported_N):
        return np.zeros(prompts)
    if section.method == "global_quantile":
        assert section.quantile is not None
        return np.full(prompts, np.quantile(supported_N, section.quantile))
    assert section.acceptance_rate is not None
    wanted = section.acceptance_rate * len(log_ratio_N)
    return np.full(prompts, _budgeted(np.sort(supported_N), wanted))


def is_pilot(candidates: Candidates, section: BoundSection) -> np.ndarray:
    """Whether each candidate was spent on finding the bound."""
    if section.method != "pilot":
        return np.zeros(len(candidates), bool)
    is_pilot_N: np.ndarray = candidates.draw_N < section.pilot_draws
    return is_pilot_N


def _maximum(log_ratio_N: np.ndarray, prompt_N: np.ndarray, floor_P: np.ndarray) -> np.ndarray:
    np.maximum.at(floor_P, prompt_N, log_ratio_N)
    return floor_P


def _budgeted(log_ratio_S: np.ndarray, wanted: float) -> float:
    """The log c at which Σ min(1, exp(log w − log c)) is what is wanted, or all of them can give.

    With k ratios below c, the sum is (S − k) + Σ_{i<k} w_i / c: found by searching for k, then
    solved for c. Where the k ratios lie so far below the next that they add nothing to the sum,
    every c between them would do as well; the largest is taken.

    Args:
        log_ratio_S: Finite ratios, sorted; because a sum depends in its last bits on the order of
            what is added, they are added in this one.
        wanted: The sum of accept probabilities.
    """
    count = len(log_ratio_S)
    if wanted >= count:
        return float(log_ratio_S[0])
    log_sum_S = np.logaddexp.accumulate(log_ratio_S)
    sum_at_S = np.arange(count - 1, -1, -1) + np.exp(log_sum_S - log_ratio_S)
    below = int(np.searchsorted(-sum_at_S, -wanted))  # sum_at_S falls; ratios before it are below c
    for_those_below = wanted - (count - below)
    if for_those_below <= 0:
        return float(log_ratio_S[below])
    log_c = float(log_sum_S[below - 1] - np.log(for_those_below))
    return log_c if below == count else min(log_c, float(log_ratio_S[below]))
