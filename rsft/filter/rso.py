"""Statistical rejection sampling without replacement: RSO's own loop, done right.

    until n are accepted: r_max ← the largest reward of those left
        each of those left, in order: accept with probability exp((r − r_max)/beta)
    an accepted one leaves; whoever reaches n stops

Each pass accepts the best of those left at least, so there are at most n passes. Copies of the
published snippet merge equal completions through a dict, take the maximum of an empty list, and
draw accepted ones again because the rejected were removed: here rows are told apart by number, and
who was accepted is out. What it keeps without replacement is no sample of the tilt, but close to
one where n is small against K.

Source:
    Liu et al. 2023, Statistical Rejection Sampling Improves Preference Optimization
    (arXiv 2309.06657), algorithm 1.
"""

from collections.abc import Callable

import numpy as np

Uniforms = Callable[[int, np.ndarray], np.ndarray]
"""From a pass's number and rows, a uniform number for each of the rows."""


def sample_without_replacement(
    reward_N: np.ndarray, prompt_N: np.ndarray, beta: float, n: int, uniforms: Uniforms
) -> np.ndarray:
    """Accepts n rows of each prompt, or all where it has fewer.

    Args:
        reward_N: Rewards, finite.
        prompt_N: Number of each row's prompt. Its rows are tried in the order given.
        beta: KL strength.
        n: Rows per prompt.
        uniforms: The coins.

    Returns:
        (N,) Whether each row is accepted.
    """
    is_accepted_N = np.zeros(len(reward_N), bool)
    left = np.argsort(prompt_N, kind="stable")
    prompts = int(prompt_N.max(initial=-1)) + 1
    wanted_P = np.minimum(n, np.bincount(prompt_N, minlength=prompts))
    for number in range(n):
        if not len(left):
            break
        best_P = np.full(prompts, -np.inf)
        np.maximum.at(best_P, prompt_N[left], reward_N[left])
        log_accept = (reward_N[left] - best_P[prompt_N[left]]) / beta
        is_hit = uniforms(number, left) < np.exp(log_accept)
        hits_so_far = np.cumsum(is_hit)
        before_P = np.zeros(prompts, int)  # hits before a prompt's first row
        first = np.flatnonzero(np.diff(prompt_N[left], prepend=-1))
        before_P[prompt_N[left[first]]] = hits_so_far[first] - is_hit[first]
        is_hit &= hits_so_far - before_P[prompt_N[left]] <= wanted_P[prompt_N[left]]
        is_accepted_N[left[is_hit]] = True
        wanted_P -= np.bincount(prompt_N[left[is_hit]], minlength=prompts)
        left = left[~is_hit & (wanted_P[prompt_N[left]] > 0)]
    return is_accepted_N
