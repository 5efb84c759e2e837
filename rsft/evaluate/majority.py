"""maj@k: how often the answer that most of k draws give is right.

The k draws are a uniform subset of the n scored draws, and the estimate is the mean over all such
subsets, hence unbiased. Draws with one outcome vote for it together. Of outcomes with equally many
votes one is picked at random; an outcome is right in the share of its draws that are right, which
is 0 or 1 where rightness is a matter of the outcome alone. A draw in which no outcome was read has
no vote; a subset without a vote has no answer, which is not right.

Derivation. A uniform k-subset is what n independent coins pick, each with probability p = k/n,
given that they pick k. The coins of an outcome with s draws pick j of them with the binomial
probability B(j; s, p), independently of the others'. So for each number of votes m that may win,

    Π over outcomes of (Σ_{j<m} B(j; s, p) xʲ + B(m; s, p) xᵐ y)

has as the coefficient of xᵏyᵗ the probability of k picks of which t outcomes have m votes, and
none has more; outcomes of fewer than m draws cannot have m, and go into one factor together with
the draws that do not vote. A second table sums, over the outcomes with m votes, their rightness. It
counts 1/t where t are tied, and all is divided by B(k; n, p), the probability of k picks. Only sums
of positive terms occur: nothing cancels, and nothing overflows.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np


def maj_at_k(outcomes: Sequence[str | None], is_right: Sequence[bool], k: int) -> float | None:
    """Probability that the plurality outcome of k draws without replacement is right.

    Args:
        outcomes: The outcome of each of n scored draws; null where none was read.
        is_right: Whether each of them is right.
        k: Draws that vote.

    Returns:
        The mean over all k-subsets; None where n < k: it is undefined then, not 0.
    """
    if len(outcomes) < k:
        return None
    votes = Counter(outcomes)
    right = Counter(o for o, ok in zip(outcomes, is_right, strict=True) if ok)
    silent = votes.pop(None, 0)
    return _majority(k, silent, tuple(sorted((size, right[o]) for o, size in votes.items())))


@lru_cache(maxsize=1 << 14)
def _majority(k: int, silent: int, outcomes: tuple[tuple[int, int], ...]) -> float:
    """maj@k of so many draws without a vote, and outcomes of so many draws, so many of them right.

    Few of the prompts of a set differ in these numbers, so that results are kept.
    """
    draws = silent + sum(size for size, _ in outcomes)
    pick_SK = _picks(draws, k)
    total = 0.0
    for most in range(1, min(k, max((size for size, _ in outcomes), default=0)) + 1):
        rest = silent + sum(size for size, _ in outcomes if size < most)
        # Of axis 0: the probability, and with it the sum of the rightness of those tied.
        table_2TK = np.zeros((2, k // most + 1, k + 1))
        table_2TK[0, 0] = pick_SK[rest]
        for size, right in outcomes:
            if size >= most:
                table_2TK = _with_outcome(table_2TK, pick_SK[size, : most + 1], right / size)
        ties_T = np.arange(1, k // most + 1)
        total += float((table_2TK[1, 1:, k] / ties_T).sum())
    return total / float(pick_SK[draws, k])


def _with_outcome(table_2TK: np.ndarray, pick_J: np.ndarray, rightness: float) -> np.ndarray:
    """The table with one outcome more, of which up to ``most`` = J − 1 draws may be picked."""
    most, width = len(pick_J) - 1, table_2TK.shape[2]
    grown_2TK = np.zeros_like(table_2TK)
    for votes in range(most):
        grown_2TK[:, :, votes:] += pick_J[votes] * table_2TK[:, :, : width - votes]
    tied_2TK = pick_J[most] * table_2TK[:, :-1, : width - most]
    grown_2TK[:, 1:, most:] += tied_2TK
    grown_2TK[1, 1:, most:] += rightness * tied_2TK[0]
    return grown_2TK


@lru_cache(maxsize=8)
def _picks(draws: int, k: int) -> np.ndarray:
    """(draws + 1, k + 1) binomial probabilities B(j; s, k/draws), by s and j."""
    chance = k / draws
    pick_SK = np.zeros((draws + 1, k + 1))
    pick_SK[0, 0] = 1
    for size in range(1, draws + 1):
        pick_SK[size] = (1 - chance) * pick_SK[size - 1]
        pick_SK[size, 1:] += chance * pick_SK[size - 1, :-1]
    return pick_SK
