"""Whether more was won than lost by chance: the test by signs of what each family is won by, exact.

Where neither policy is better, what a family is won by, it is as likely to be lost by. Then the
whole is Σ ±|d_f| with fair and independent signs, a law that is worked out here in full. Where each
family is one prompt this is McNemar's exact test, one-sided. The prompts of a family may depend on
each other in any way, and a handful of families shows nothing: n that all agree have p = 2⁻ⁿ.

Source: Fisher, The design of experiments (1935), section 21: paired differences, their signs.
"""

from collections import Counter
from collections.abc import Sequence
from math import lgamma, log

import numpy as np


def sign_test(net_F: Sequence[int]) -> float:
    """One-sided p-value of having won as much, or more.

    Args:
        net_F: Prompts won less prompts lost, by family.

    Returns:
        P(Σ ±|d_f| ≥ Σ d_f); 1 where there is no family with a difference.
    """
    count_of = Counter(abs(net) for net in net_F if net)
    # What the families with a plus sign sum to: from 0 to Σ |d_f|.
    law = np.ones(1)
    for size, count in sorted(count_of.items()):
        law = np.convolve(law, _spread(_fair_coins(count), size))
    won = sum(net for net in net_F if net > 0)
    return float(min(1.0, law[won:].sum()))


def _fair_coins(count: int) -> np.ndarray:
    """(count + 1,) probabilities of so many heads."""
    ways = [
        lgamma(count + 1) - lgamma(heads + 1) - lgamma(count - heads + 1)
        for heads in range(count + 1)
    ]
    heads_H: np.ndarray = np.exp(np.array(ways) - count * log(2))
    return heads_H


def _spread(law_H: np.ndarray, size: int) -> np.ndarray:
    """The law of so many times as much."""
    spread = np.zeros((len(law_H) - 1) * size + 1)
    spread[::size] = law_H
    return spread
