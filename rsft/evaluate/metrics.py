"""Metrics of one prompt's answers."""

from math import comb


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
