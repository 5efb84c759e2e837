"""What a set of answers says of a policy, alone and beside another's."""

from collections.abc import Sequence
from typing import Any

from rsft.errors import LineageError
from rsft.evaluate.metrics import pass_at_k
from rsft.evaluate.statistics import Interval, bootstrap_interval
from rsft.types import Answer


def summarise(
    answers: Sequence[Answer], *, k: int, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Exact match with its interval, and pass@k, of one set.

    Args:
        answers: One per prompt.
        k: Of pass@k; prompts with fewer than k scored draws have none and are counted.
        resamples: Of the bootstrap.
        confidence: Of the interval.
        seed: Of the bootstrap.

    Returns:
        ``prompts``, ``exact_match``, ``low``, ``high``, ``pass_at_k`` (null where no prompt has
        k scored draws) and ``pass_at_k_prompts``; shares are fractions of 1.
    """
    interval = bootstrap_interval(
        [float(answer.is_correct) for answer in answers],
        [answer.family for answer in answers],
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    passes = [pass_at_k(answer.correct_draws, answer.draws, k) for answer in answers]
    known = [value for value in passes if value is not None]
    return {
        "prompts": len(answers),
        "exact_match": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "pass_at_k": sum(known) / len(known) if known else None,
        "pass_at_k_prompts": len(known),
    }


def compare(
    challenger: Sequence[Answer],
    other: Sequence[Answer],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> Interval:
    """Exact match of one policy less another's on the same prompts, resampled by family.

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
    return bootstrap_interval(
        [float(a.is_correct) - float(theirs[a.prompt_id].is_correct) for a in challenger],
        [answer.family for answer in challenger],
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
