"""Whether a challenger is shown to be better than what it is compared with.

Four things must hold, at the level of the look (``rsft.evaluate.spending``):

    the lower end of the paired bootstrap, families resampled      > 0
    McNemar's exact test, one-sided, prompts taken to be independent   p ≤ level
    the same test by family (``rsft.evaluate.signs``)              p ≤ level
    the gain itself                                                ≥ the least gain that matters

The test by family is exact for any number of families where a challenger that is no better wins and
loses each by as much; the bootstrap speaks of the mean, whatever the families' gains look like. Of
few families its interval is too narrow, so that its level is lowered for them: that of the normal
quantile √(F/(F−1)) t, t being Student's of F − 1 degrees of freedom. What no test can see is a kind
of family that loses much and is not among those that were asked.

Source: Hesterberg, What teachers should know about the bootstrap (2015), 3.3, expanded percentiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from rsft.evaluate.signs import sign_test
from rsft.evaluate.statistics import Interval, family_sums, resampled_means

_MOST_RESAMPLES = 100_000
"""Smaller levels go by the least of so many, and by the exact tests."""
_POWER = 0.8
"""What ``Gain.detectable`` would be shown with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a challenger gains over another policy on the same prompts, and how sure that is."""

    gain: Interval
    """Share of right answers of the one less that of the other; either end is passed by chance with
    the level's probability."""
    level: float
    """Of each test, one-sided."""
    prompts: int
    """Prompts on which both were scored."""
    families: int
    """Their families. Of one alone prompts are resampled, and all of this speaks of it alone."""
    better: int
    """Prompts that the challenger has right and the other wrong."""
    worse: int
    """The reverse."""
    p_prompts: float
    """Of McNemar's exact test, one-sided."""
    p_families: float
    """Of the same test by family."""
    detectable: float | None
    """The gain that would be shown with a probability of 0.8, at this level and this spread; null
    where no gain could be, of so few families, or the spread is not known, as all gain the same."""

    def is_shown(self, min_gain: float) -> bool:
        """Whether it is shown, and as much as matters."""
        return (
            self.gain.low > 0
            and max(self.p_prompts, self.p_families) <= self.level
            and self.gain.estimate >= min_gain
        )


def measure_gain(
    gain_N: Sequence[float],
    families: Sequence[str],
    *,
    level: float,
    resamples: int,
    seed: int,
    least: float = 0.0,
) -> Gain:
    """What is known of a gain.

    Args:
        gain_N: By prompt 1 where only the challenger is right, −1 where only the other is, else 0.
        families: The family of each prompt.
        level: Of the tests.
        resamples: Of the bootstrap at least; a small level takes more.
        seed: Of the bootstrap.
        least: The least gain that matters.

    Raises:
        ValueError: Where there is no prompt at all.
    """
    sum_F, _ = family_sums(gain_N, families)
    tail = _expanded(level, len(sum_F))
    needed = _MOST_RESAMPLES if tail * _MOST_RESAMPLES < 10 else ceil(10 / tail)
    mean_B = resampled_means(gain_N, families, resamples=max(resamples, needed), seed=seed)
    low, high = np.quantile(mean_B, [tail, 1 - tail])
    net_N = np.rint(gain_N).astype(int)
    return Gain(
        gain=Interval(estimate=float(np.mean(gain_N)), low=float(low), high=float(high)),
        level=level,
        prompts=len(net_N),
        families=len(set(families)),
        better=int((net_N > 0).sum()),
        worse=int((net_N < 0).sum()),
        p_prompts=sign_test(net_N.tolist()),
        p_families=sign_test(np.rint(sum_F).astype(int).tolist()),
        detectable=_detectable(mean_B, level, len(sum_F), least),
    )


def _detectable(mean_B: np.ndarray, level: float, families: int, least: float) -> float | None:
    if np.ptp(mean_B) == 0 or 0.5**families > level:
        return None
    return max(least, float((ndtri(_POWER) - ndtri(level)) * mean_B.std()))


def _expanded(level: float, families: int) -> float:
    """The level at which the quantile of so few families' resamples is taken."""
    if families < 2:
        return 0.0
    return float(ndtr(sqrt(families / (families - 1)) * stdtrit(families - 1, level)))
