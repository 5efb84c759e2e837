"""Two policies on the same prompts: how much more one has right, and whether that is chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rsft.errors import LineageError
from rsft.evaluate.significance import mcnemar
from rsft.evaluate.statistics import Interval, bootstrap_interval
from rsft.types import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one policy's right answers compare with another's on the same prompts."""

    gain: Interval
    """Share of right answers of the one less that of the other, resampled by family."""
    better: int
    """Prompts that the one has right and the other wrong."""
    worse: int
    """The reverse."""
    p_value: float
    """Of McNemar's exact test, two-sided: prompts taken to be independent."""
    resampled: int
    """Families that ``gain`` was resampled from; prompts, where all are of one family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Two policies' greedy answers in pairs, where both were scored."""

    gain_N: Sequence[float]
    """By prompt 1 where only the one is right, −1 where only the other is, else 0."""
    families: Sequence[str]
    """The family of each, as the one's answers have it."""
    share: float | None
    """Share of right answers among the other's that could be scored; null where none could."""
    unscored: int
    """Prompts on which either could not be scored."""


def compare(
    challenger: Sequence[Answer],
    other: Sequence[Answer],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> Comparison | None:
    """Compares two policies' greedy answers.

    A prompt on which either could not be scored says nothing of their difference.

    Args:
        challenger: The one's answers, one per prompt.
        other: The other's.
        resamples: Of the bootstrap.
        confidence: Of the interval.
        seed: Of the bootstrap.

    Returns:
        The comparison; None where there is no prompt on which both could be scored.

    Raises:
        LineageError: Where the two did not answer the same prompts, each once.
    """
    pairs = pair(challenger, other)
    gains, families = pairs.gain_N, pairs.families
    if not gains:
        return None
    better, worse = gains.count(1.0), gains.count(-1.0)
    return Comparison(
        gain=bootstrap_interval(
            gains, families, resamples=resamples, confidence=confidence, seed=seed
        ),
        better=better,
        worse=worse,
        p_value=mcnemar(better, worse),
        resampled=len(set(families)) if len(set(families)) > 1 else len(gains),
    )


def pair(challenger: Sequence[Answer], other: Sequence[Answer]) -> Pairs:
    """What the one has right more, by prompt.

    Raises:
        LineageError: Where the two did not answer the same prompts, each once.
    """
    both = paired(challenger, other)
    scored = [
        (float(own.is_correct), float(their.is_correct), own.family)
        for own, their in both
        if own.is_correct is not None and their.is_correct is not None
    ]
    theirs = [float(their.is_correct) for _, their in both if their.is_correct is not None]
    return Pairs(
        gain_N=[own - their for own, their, _ in scored],
        families=[family for *_, family in scored],
        share=fmean(theirs) if theirs else None,
        unscored=len(both) - len(scored),
    )


def paired(challenger: Sequence[Answer], other: Sequence[Answer]) -> list[tuple[Answer, Answer]]:
    """The answers of two policies to each prompt, in the order of the one's.

    Raises:
        LineageError: Where the two did not answer the same prompts, each once.
    """
    theirs = {answer.prompt_id: answer for answer in other}
    ours = {answer.prompt_id for answer in challenger}
    if ours != theirs.keys() or not len(ours) == len(challenger) == len(other):
        raise LineageError(
            f"{len(challenger)} answers and {len(other)} answers are not to the same prompts, "
            "each once; evaluate both on the same set"
        )
    return [(answer, theirs[answer.prompt_id]) for answer in challenger]
