"""What the answers to a set say of a policy.

Every mean is over what could be scored; the rest is counted beside it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rsft.evaluate.sampled import summarise_draws
from rsft.evaluate.statistics import Interval, bootstrap_interval
from rsft.types import Answer

WIN = "win"
"""Name in ``Answer.measured`` of how an answer compares with the base's: 1 where it is better, ½
where neither is, 0 where it is worse."""

_IntervalOf = Callable[[Sequence[float], Sequence[str]], Interval]


def summarise(
    answers: Sequence[Answer],
    names: Sequence[str],
    *,
    draws: int,
    k: int,
    seeds: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """The figures of one set, for JSON.

    Args:
        answers: Each prompt's greedy answer, of which at least one could be scored, and its sampled
            ones.
        names: The rewards that are measured.
        draws: Completions sampled per prompt and seed.
        k: Of pass@k and maj@k.
        seeds: Times that the draws were repeated.
        resamples: Of the bootstrap.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Returns:
        Of the greedy answers: ``prompts``, of which ``unscorable`` are not in ``accuracy``, the
        share of right ones with its interval ``low`` to ``high``; ``reward``, and by name of each
        reward ``measured``, as ``{mean, low, high, unscorable}``. Then what ``summarise_draws``
        says of the sampled answers.
    """
    interval_of = partial(bootstrap_interval, resamples=resamples, confidence=confidence, seed=seed)
    greedy = [answer for answer in answers if answer.draw is None]
    scored = [answer for answer in greedy if answer.is_correct is not None]
    accuracy = interval_of(
        [float(bool(answer.is_correct)) for answer in scored],
        [answer.family for answer in scored],
    )
    return {
        "prompts": len(greedy),
        "unscorable": len(greedy) - len(scored),
        "accuracy": accuracy.estimate,
        "low": accuracy.low,
        "high": accuracy.high,
        "reward": _mean([(answer.reward, answer.family) for answer in greedy], interval_of),
        "measured": {
            name: _mean([(a.measured.get(name), a.family) for a in greedy], interval_of)
            for name in names
        },
        **summarise_draws(
            [answer for answer in answers if answer.draw is not None],
            prompts=len(greedy),
            draws=draws,
            k=k,
            seeds=seeds,
        ),
    }


def win_rate(
    answers: Sequence[Answer], *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """How often the greedy answers are better than the base's, for JSON.

    Args:
        answers: As ``summarise``.
        resamples: Of the bootstrap.
        confidence: Of the interval.
        seed: Of the bootstrap.

    Returns:
        ``mean`` with its interval, a tie counting one half; how many ``won``, ``tied`` and
        ``lost``; ``unscorable`` are those on which there is no verdict.
    """
    interval_of = partial(bootstrap_interval, resamples=resamples, confidence=confidence, seed=seed)
    greedy = [answer for answer in answers if answer.draw is None]
    wins = [answer.measured.get(WIN) for answer in greedy]
    return {
        **_mean([(win, a.family) for win, a in zip(wins, greedy, strict=True)], interval_of),
        "won": wins.count(1.0),
        "tied": wins.count(0.5),
        "lost": wins.count(0.0),
    }


def _mean(
    value_and_family: Sequence[tuple[float | None, str]], interval_of: _IntervalOf
) -> dict[str, Any]:
    """The mean of what is known, null where nothing is, and how many values are not."""
    known = [(value, family) for value, family in value_and_family if value is not None]
    unscorable = len(value_and_family) - len(known)
    if not known:
        return {"mean": None, "low": None, "high": None, "unscorable": unscorable}
    interval = interval_of(*zip(*known, strict=True))
    return {
        "mean": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "unscorable": unscorable,
    }
