"""What a set of answers says of a policy, alone and beside another's."""

from collections.abc import Sequence
from typing import Any

from rsft.errors import LineageError, VerifierError
from rsft.evaluate.metrics import pass_at_k
from rsft.evaluate.statistics import Interval, bootstrap_interval
from rsft.types import Answer


def summarise(
    answers: Sequence[Answer], *, draws: int, k: int, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Exact match with its interval, and pass@k, of one set.

    Both are means over what could be scored: the rest is counted beside them.

    Args:
        answers: One per prompt, of which at least one could be scored.
        draws: Completions sampled per prompt beside the answer.
        k: Of pass@k; prompts with fewer than k scored draws have none and are counted.
        resamples: Of the bootstrap.
        confidence: Of the interval.
        seed: Of the bootstrap.

    Returns:
        ``prompts``, of which ``unscorable`` are not in ``exact_match``, ``low`` and ``high``;
        ``pass_at_k`` (null where no prompt has k scored draws) over ``pass_at_k_prompts``, and how
        many ``unscorable_draws`` are not in it; shares are fractions of 1.
    """
    scored = [answer for answer in answers if answer.is_correct is not None]
    interval = bootstrap_interval(
        [float(bool(answer.is_correct)) for answer in scored],
        [answer.family for answer in scored],
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    passes = [pass_at_k(answer.correct_draws, answer.draws, k) for answer in answers]
    known = [value for value in passes if value is not None]
    return {
        "prompts": len(answers),
        "unscorable": len(answers) - len(scored),
        "exact_match": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "pass_at_k": sum(known) / len(known) if known else None,
        "pass_at_k_prompts": len(known),
        "unscorable_draws": draws * len(answers) - sum(answer.draws for answer in answers),
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

    A prompt on which either could not be scored says nothing of their difference.

    Raises:
        LineageError: Where the two did not answer the same prompts, each once.
        VerifierError: Where there is no prompt on which both could be scored.
    """
    theirs = {answer.prompt_id: answer for answer in other}
    ours = {answer.prompt_id for answer in challenger}
    if ours != theirs.keys() or not len(ours) == len(challenger) == len(other):
        raise LineageError(
            f"{len(challenger)} answers and {len(other)} answers are not to the same prompts, "
            "each once; evaluate both on the same set"
        )
    gain_and_family = [
        (float(own) - float(their), answer.family)
        for answer in challenger
        if (own := answer.is_correct) is not None
        and (their := theirs[answer.prompt_id].is_correct) is not None
    ]
    if not gain_and_family:
        raise VerifierError(
            f"of {len(challenger)} prompts there is none on which both policies could be scored; "
            "see score.rewards"
        )
    return bootstrap_interval(
        *zip(*gain_and_family, strict=True),
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
