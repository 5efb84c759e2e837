"""Whether answers are better than the base's: by a reward, or by a judge who sees both."""

from collections.abc import Sequence

from rsft.config import Config
from rsft.evaluate import paired
from rsft.types import Answer, Progress, Prompt


def wins_over(
    config: Config,
    prompts: Sequence[Prompt],
    answers: Sequence[Answer],
    base: Sequence[Answer],
    progress: Progress | None,
) -> list[float | None]:
    """Compares each greedy answer with the base's, as ``evaluate.win_rate`` says.

    Args:
        config: Names the reward or the judge.
        prompts: The set's prompts.
        answers: One greedy answer to each of them, in their order.
        base: The base's.
        progress: Told of what the judge has compared.

    Returns:
        1 where the answer is better, 0 where it is worse, ½ where neither is; null where there is
        no verdict.

    Raises:
        LineageError: Where the two did not answer the same prompts.
        EngineError: Where the judge's server cannot be reached, or judges nothing at all.
    """
    pairs = paired(answers, base)
    if config.evaluate.win_rate == "judge":
        return _judged(config, list(zip(prompts, pairs, strict=True)), progress)
    name = config.evaluate.win_rate
    assert name is not None
    return [_higher(own.measured.get(name), their.measured.get(name)) for own, their in pairs]


def _higher(own: float | None, their: float | None) -> float | None:
    if own is None or their is None:
        return None
    return 0.5 if own == their else float(own > their)


def _judged(
    config: Config,
    pairs: Sequence[tuple[Prompt, tuple[Answer, Answer]]],
    progress: Progress | None,
) -> list[float | None]:
    """A judge's verdicts; where both said the same it is a tie, and nobody is asked."""
    # It brings a client for servers, which nobody else needs.
    from rsft.score.judge import Judge

    asked = [
        (prompt, own.completion, their.completion)
        for prompt, (own, their) in pairs
        if own.completion != their.completion
    ]
    assert config.score.judge is not None
    scores = iter(Judge(config.score.judge).compare(asked, progress))
    return [
        0.5 if own.completion == their.completion else next(scores).reward
        for _, (own, their) in pairs
    ]
