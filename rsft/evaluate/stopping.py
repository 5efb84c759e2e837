"""Whether the rounds go on after a round, and whose policy it hands on.

    a monitor passes its threshold                     ─► collapsed: the policy before it
    ``patience`` rounds in a row without a new best    ─► stalled: the best round's policy
    else                                               ─► its own

The base counts as the first best, and a round that collapsed as none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from rsft.config import MonitorSection
from rsft.evaluate.monitors import Drift, Figures, drift_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why the rounds ended before the last."""

    kind: Literal["stalled", "collapsed"]
    """``stalled``: no new best; ``collapsed``: a monitor passed its threshold."""
    round: int
    """The round after which."""
    reason: str
    """One line: the numbers, and the settings they were held against."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.kind} in round {self.round}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """What is known after a round; the base is round 0."""

    round: int
    """The round."""
    figures: Figures | None
    """Of the policy that it trained; null where nothing is held out, or it was not run."""
    drift: Drift | None
    """How far that policy is from the base; null likewise, and of the base."""
    effective_sample_size: float | None
    """(Σw)²/Σw² of the rows that it trained on; null of the base, and where it was not run."""
    best_round: int
    """The round whose policy is the best so far."""
    best_accuracy: float | None
    """That policy's share of right answers; null where nothing is held out."""
    handed_on: int
    """The round whose policy is handed on."""
    stopped: Stop | None
    """Why the rounds after it are not run; null where they are."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Monitor":
        """What ``as_dict`` gave."""
        records = {"figures": Figures, "drift": Drift, "stopped": Stop}
        read = {name: document[name] and kind(**document[name]) for name, kind in records.items()}
        return cls(**{**document, **read})


def base_monitor(figures: Figures | None) -> Monitor:
    """What is known before the first round.

    Args:
        figures: The base's; null where nothing is held out.
    """
    return Monitor(
        round=0,
        figures=figures,
        drift=None,
        effective_sample_size=None,
        best_round=0,
        best_accuracy=None if figures is None else figures.accuracy,
        handed_on=0,
        stopped=None,
    )


def judge_round(
    earlier: Monitor,
    base: Monitor,
    figures: Figures | None,
    effective_sample_size: float,
    section: MonitorSection,
) -> Monitor:
    """What is known after a round that was run.

    Args:
        earlier: What was known before it.
        base: What was known before the first.
        figures: Of the policy that it trained; null where nothing is held out.
        effective_sample_size: Of the rows that it trained on.
        section: Patience and thresholds.
    """
    assert earlier.stopped is None
    number = earlier.round + 1
    drift = None if figures is None or base.figures is None else drift_from(base.figures, figures)
    found = Monitor(
        round=number,
        figures=figures,
        drift=drift,
        effective_sample_size=effective_sample_size,
        best_round=earlier.best_round,
        best_accuracy=earlier.best_accuracy,
        handed_on=number,
        stopped=None,
    )
    signs = [*_signs_of_drift(drift, section), *_signs_of_own(found, section)]
    if signs:
        stop = Stop(kind="collapsed", round=number, reason="; ".join(signs))
        return replace(found, handed_on=earlier.handed_on, stopped=stop)
    return _with_best(found, section)


def pass_on(earlier: Monitor) -> Monitor:
    """What is known after a round that was not run, because the rounds had ended."""
    return replace(
        earlier,
        round=earlier.round + 1,
        figures=None,
        drift=None,
        effective_sample_size=None,
    )


def _with_best(found: Monitor, section: MonitorSection) -> Monitor:
    """With the best so far; stopped where that is too long ago."""
    if found.figures is None or found.best_accuracy is None:
        return found
    accuracy = found.figures.accuracy
    if accuracy > found.best_accuracy + section.min_gain:
        return replace(found, best_round=found.round, best_accuracy=accuracy)
    waited = found.round - found.best_round
    if section.patience is None or waited < section.patience:
        return found
    best = f"round {found.best_round}" if found.best_round else "the base"
    reason = (
        f"{accuracy:.1%} of the held-out answers are right, and {found.best_accuracy:.1%} were "
        f"after {best}, {waited} before (monitor.patience = {section.patience}, "
        f"monitor.min_gain = {section.min_gain:g})"
    )
    stop = Stop(kind="stalled", round=found.round, reason=reason)
    return replace(found, handed_on=found.best_round, stopped=stop)


def _signs_of_drift(drift: Drift | None, section: MonitorSection) -> Iterator[str]:
    """Thresholds on how far a policy is from the base that it passes, a line each."""
    if drift is None:
        return
    low, ratio = section.min_entropy, drift.entropy_ratio
    if low is not None and ratio is not None and ratio < low:
        yield f"token entropy is {ratio:.3g} of the base's (monitor.min_entropy = {low:g})"
    low = section.min_distinct
    if low is not None and drift.distinct_ratio < low:
        yield (
            f"the share of distinct {section.distinct_words}-grams is {drift.distinct_ratio:.3g} "
            f"of the base's (monitor.min_distinct = {low:g})"
        )
    high = section.max_length_ratio
    if high is not None and not 1 / high <= drift.length_ratio <= high:
        yield (
            f"mean tokens are {drift.length_ratio:.3g} of the base's "
            f"(monitor.max_length_ratio = {high:g})"
        )
    high, gap = section.max_reward_gap, drift.reward_gap
    if high is not None and gap is not None and gap > high:
        yield (
            f"the mean reward rose by {drift.reward_gain:.3g} and {section.gold} by "
            f"{drift.gold_gain:.3g} (monitor.max_reward_gap = {high:g})"
        )


def _signs_of_own(found: Monitor, section: MonitorSection) -> Iterator[str]:
    """Thresholds on a round's own figures that it passes, a line each."""
    low, size = section.min_effective_sample_size, found.effective_sample_size
    if low is not None and size is not None and size < low:
        yield (
            f"the effective sample size of the pool is {size:,.1f} "
            f"(monitor.min_effective_sample_size = {low:g})"
        )
    gap = None if found.figures is None else found.figures.pass_gap
    low = section.min_pass_gap
    if low is not None and gap is not None and gap < low:
        yield f"pass@k − pass@1 is {gap:.3g} (monitor.min_pass_gap = {low:g})"
