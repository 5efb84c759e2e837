"""Intervals by the bootstrap, resampling families: prompts of one template are not independent.

Resampling prompts instead gives intervals about half as wide as they should be.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rsft.randomness import generator

_DRAWN_TOGETHER = 1 << 22
"""Numbers of families drawn at once: memory for them is limited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its percentile interval."""

    estimate: float
    """Mean over prompts."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""


def bootstrap_interval(
    value_N: Sequence[float],
    families: Sequence[str],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> Interval:
    """The mean over prompts, with a percentile interval from resampled families.

    Args:
        value_N: One value per prompt; for a paired comparison, the difference.
        families: The family of each prompt. Where all are of one family, prompts are resampled,
            and the interval speaks of that family alone.
        resamples: Times that as many families as there are, are drawn with replacement.
        confidence: Level, such as 0.95.
        seed: Root of the resampling.

    Returns:
        The mean, and the quantiles of the resamples' means (sum of values over sum of counts).

    Raises:
        ValueError: Where there is no value at all.
    """
    mean_B = resampled_means(value_N, families, resamples=resamples, seed=seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(mean_B, [tail, 1 - tail])
    return Interval(estimate=float(np.mean(value_N)), low=float(low), high=float(high))


def resampled_means(
    value_N: Sequence[float], families: Sequence[str], *, resamples: int, seed: int
) -> np.ndarray:
    """(resamples,) means over prompts of as many families as there are, drawn with replacement.

    Args:
        value_N: As ``bootstrap_interval``.
        families: As there.
        resamples: Times that families are drawn.
        seed: Root of the resampling.

    Raises:
        ValueError: Where there is no value at all.
    """
    sum_F, count_F = family_sums(value_N, families)
    rng = generator("bootstrap", seed)
    mean_B = np.empty(resamples)
    step = max(1, _DRAWN_TOGETHER // len(sum_F))
    for start in range(0, resamples, step):  # the numbers drawn are those of one call
        rows = min(step, resamples - start)
        picked_BF = rng.integers(len(sum_F), size=(rows, len(sum_F)))
        sums_B, counts_B = sum_F[picked_BF].sum(axis=1), count_F[picked_BF].sum(axis=1)
        mean_B[start : start + rows] = sums_B / counts_B
    return mean_B


def family_sums(value_N: Sequence[float], families: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Sum of values and number of prompts by family; by prompt, where all are of one family.

    Raises:
        ValueError: Where there is no value at all.
    """
    value = np.asarray(value_N, dtype=float)
    if not len(value):
        raise ValueError("no prompts: the mean of nothing is undefined")
    names, family_N = np.unique(np.asarray(families), return_inverse=True)
    if len(names) == 1:
        family_N = np.arange(len(value))
    return np.bincount(family_N, weights=value), np.bincount(family_N)


def beats(difference: Interval) -> bool:
    """Whether a difference is shown to be above 0; else it is not shown, which is not equality."""
    return difference.low > 0
