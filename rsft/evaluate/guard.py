"""Whether a challenger is no worse than what it is compared with, by more than a margin.

    no worse    ⟺    gain − t · error  >  −margin

with the error that of the paired bootstrap by family; or that of Bonett and Price, who count one
prompt more as won and one as lost, where it is larger: that no loss is seen on a few prompts does
not mean that there is none. A few families, of which some have most of the prompts, make the
bootstrap's error too small and its spread wide: it is scaled up, and t is Student's quantile of
fewer degrees of freedom, after Bell and McCaffrey, as if all families differed alike. Of F families
of one size that is F − 1.

The power is the probability that a challenger that is in truth no worse passes, at this size and
spread. A guard of little power stops good challengers: it wants more prompts, or a wider margin.
A loss beyond the margin passes with a probability of at most the level. Of one guard set that is
asked again and again, looks are counted and their levels spent as those of a gain
(``rsft.evaluate.spending``); each guard set risks its own.

Sources: Bell and McCaffrey, Bias reduction in standard errors for linear regression with
multi-stage samples (2002). Bonett and Price, Adjusted Wald confidence interval for a difference of
binomial proportions based on paired data (2012).
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
    _, count_F = family_sums(gain_N, families)
    mean_B = resampled_means(gain_N, families, resamples=resamples, seed=seed)
    better, worse = int((value_N > 0).sum()), int((value_N < 0).sum())
    gain, low, power = float(value_N.mean()), -1.0, 0.0
    if len(count_F) > 1:
        scale, freedom = _of_few_families(count_F)
        error = max(scale * float(mean_B.std()), _adjusted_error(better, worse, len(value_N)))
        quantile = -float(stdtrit(freedom, level))
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


def _of_few_families(count_F: np.ndarray) -> tuple[float, float]:
    """By what the bootstrap's error is to be scaled, and its degrees of freedom.

    The squared error is Σ w² (g − ḡ)², with w the shares of the prompts that the families have, and
    g their gains. That is a quadratic form g'Ag; where all g differ alike, it has the mean σ² tr A,
    not σ² Σ w², and (tr A)² / tr A² degrees of freedom.
    """
    share_F = count_F / count_F.sum()
    w2, w3, w4, w5 = (float((share_F**power).sum()) for power in (2, 3, 4, 5))
    trace = w2 - 2 * w3 + w2**2
    of_square = w4 - 4 * w5 + 4 * w2 * w4 + 2 * w3**2 - 4 * w2**2 * w3 + w2**4
    return sqrt(w2 / trace), trace**2 / of_square
