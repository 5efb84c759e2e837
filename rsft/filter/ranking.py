"""Rules that rank rewards instead of weighing densities: best-of-n, top-n, top fraction.

What they keep follows no stated target; how far it is from the proposal is reported. Equal rewards
are ranked by a number with an address, so that no draw is preferred for being the first.

Source:
    Best-of-n: Stiennon et al. 2020 (arXiv 2009.01325). Top fraction: RAFT, Dong et al. 2023
    (arXiv 2304.06767), which ranks a whole batch of prompts together.
"""

import math

import numpy as np


def place_in_prompt(prompt_N: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """Each row's place, from 0, among the rows of its prompt.

    Args:
        prompt_N: Number of each row's prompt.
        keys: What the rows of a prompt are ordered by, the first key first, ascending.
    """
    order = np.lexsort((*reversed(keys), prompt_N))
    in_order = prompt_N[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = in_order[1:] != in_order[:-1]
    position = np.arange(len(order))
    place_N = np.empty(len(order), int)
    place_N[order] = position - np.maximum.accumulate(np.where(is_first, position, 0))
    return place_N


def top_of_prompt(
    reward_N: np.ndarray, tie_N: np.ndarray, prompt_N: np.ndarray, n: int | np.ndarray
) -> np.ndarray:
    """Whether each row is among the n best of its prompt; n is one number, or one a row."""
    is_top_N: np.ndarray = place_in_prompt(prompt_N, -reward_N, tie_N) < n
    return is_top_N


def top_of_all(reward_N: np.ndarray, tie_N: np.ndarray, n: int) -> np.ndarray:
    """Whether each row is among the n best of all."""
    return top_of_prompt(reward_N, tie_N, np.zeros(len(reward_N), int), n)


def share_of(count: int, fraction: float) -> int:
    """How many of so many a fraction is, rounded up: a share of few is not none of them."""
    return math.ceil(round(fraction * count, 9))
