"""Answers as rows, for tests of what reads them."""

from rsft.types import Answer


def answer(
    number: int,
    is_correct: bool | None,
    *,
    split: str = "eval",
    family: str | None = None,
    seed: int | None = None,
    draw: int | None = None,
    completion: str = "2",
    outcome: str | None = "2",
    measured: dict[str, float] | None = None,
) -> Answer:
    """To prompt ``number``, greedy without a draw; two prompts make a family."""
    return Answer(
        split=split,
        prompt_id=f"p{number}",
        family=family or f"f{number // 2}",
        prompt="1 + 1",
        context=(),
        golds=("2",),
        seed=seed,
        draw=draw,
        completion=completion,
        finish_reason="stop",
        token_count=2,
        policy_logprob=-1.0,
        outcome=outcome,
        reward=None if is_correct is None else float(is_correct),
        measured={} if measured is None else measured,
        is_correct=is_correct,
    )


def sampled(
    number: int, is_correct: str, *, seed: int = 0, outcomes: str | None = None
) -> list[Answer]:
    """A prompt's draws: right for ``1``, wrong for ``0``, unscorable for ``?``.

    Outcomes are letters, ``-`` for none; by default the right ones agree, and so do the wrong ones.
    """
    return [
        answer(
            number,
            {"1": True, "0": False, "?": None}[right],
            seed=seed,
            draw=draw,
            outcome=None if (said := (outcomes or is_correct)[draw]) == "-" else said,
        )
        for draw, right in enumerate(is_correct)
    ]
