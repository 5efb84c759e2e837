"""Metrics of one prompt's answers, and of a set's references."""

import math
from collections.abc import Sequence
from math import comb

_MOST_NATS = 700.0
"""Per token; the exponential of more is no number."""


def pass_at_k(correct: int, draws: int, k: int) -> float | None:
    """Probability that at least one of k draws without replacement is right.

    Args:
        correct: c, right completions among those drawn.
        draws: n, scored completions drawn.
        k: Draws allowed.

    Returns:
        1 − C(n−c, k)/C(n, k), unbiased; None where n < k: it is undefined then, not 0.

    Source:
        Chen et al., Evaluating large language models trained on code (2021), equation 1.
    """
    if draws < k:
        return None
    return 1 - comb(draws - correct, k) / comb(draws, k)


def perplexity(logprob_R: Sequence[float], tokens_R: Sequence[int]) -> float | None:
    """Perplexity per token of reference completions: exp(−Σ log π / Σ tokens).

    Args:
        logprob_R: log π of each reference in nats.
        tokens_R: Its tokens, the stop token included.

    Returns:
        1 or more; None without references, and where one is so improbable that it is no number.
    """
    if not len(tokens_R):
        return None
    nats = -math.fsum(logprob_R) / sum(tokens_R)
    return math.exp(nats) if nats < _MOST_NATS else None
