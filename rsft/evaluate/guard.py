"""Whether a challenger is no worse than what it is compared with, by more than a margin.

    no worse    ⟺    gain − t · error  >  −margin

with t Student's quantile of F − 1 degrees of freedom for F families. The error is that of the
paired bootstrap by family; or that of Bonett and Price, who count one prompt more as won and one as
lost, where it is larger: that no loss is seen on a few prompts does not mean that there is none.

The power is the probability that a challenger that is in truth no worse passes, at this size and
spread. A guard of little power stops good challengers: it wants more prompts, or a wider margin.
A loss beyond the margin passes with a probability of at most the level. Of one guard set that is
asked again and again, looks are counted and their levels spent as those of a gain
(``rsft.evaluate.spending``); each guard set risks its own.

Source: Bonett and Price, Adjusted Wald confidence interval for a difference of binomial proportions
based on paired data (2012).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtr, stdtrit

from rsft.evaluate.statistics import family_sums, resampled_means


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How a challenger does on a guard set, against another policy."""

    gain: float
    """Its share of right answers less the other's."""
    low: float
    """What the gain is at least, but for the level's probability."""
    level: float
    """Probability that a loss beyond the margin passes, at most."""
    margin: float
    """The loss that is let pass."""
    power: float
    """Probability that a challenger that is no worse passes."""
    prompts: int
    """Prompts on which both were scored."""
    families: int
    """Their families. Of one alone prompts are resampled, and all of this speaks of it alone."""
    better: int
    """Prompts that the challenger has right and the other wrong."""
    worse: int
    """The reverse."""

    @property
    def is_held(self) -> bool:
        """Whether the challenger is shown to be no worse."""
        return self.low > -self.margin


def measure_guard(
    gain_N: Sequence[float],
    families: Sequence[str],
    *,
    margin: float,
    level: float,
    resamples: int,
    seed: int,
) -> Guard:
    """What is known of a loss.

    Args:
        gain_N: By prompt 1 where only the challenger is right, −1 where only the other is, else 0.
        families: The family of each prompt.
        margin: The loss that is let pass.
        level: Probability that a larger one is.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ValueError: Where there is no prompt at all.
    """
    value_N = np.asarray(gain_N, dtype=float)
    sum_F, _ = family_sums(gain_N, families)
    mean_B = resampled_means(gain_N, families, resamples=resamples, seed=seed)
    better, worse = int((value_N > 0).sum()), int((value_N < 0).sum())
    gain, count = float(value_N.mean()), len(sum_F)
    low, power = -1.0, 0.0
    if count > 1:
        spread = float(mean_B.std()) * sqrt(count / (count - 1))
        error = max(spread, _adjusted_error(better, worse, len(value_N)))
        quantile = -float(stdtrit(count - 1, level))
        low = max(-1.0, gain - quantile * error)
        power = float(ndtr(margin / error - quantile))
    return Guard(
        gain=gain,
        low=low,
        level=level,
        margin=margin,
        power=power,
        prompts=len(value_N),
        families=len(set(families)),
        better=better,
        worse=worse,
    )


def _adjusted_error(better: int, worse: int, prompts: int) -> float:
    """Bonett and Price's standard error of a paired difference."""
    won, lost = (better + 1) / (prompts + 2), (worse + 1) / (prompts + 2)
    return sqrt((won + lost - (won - lost) ** 2) / (prompts + 2))
