"""Prompts, candidates and an engine of known behaviour, for tests that need no model."""

from collections.abc import Sequence

from rsft.generate import OnDrawn, Request, SamplingLaw
from rsft.types import Candidate, Prompt, Turn

LAW = SamplingLaw(max_new_tokens=4)


def ask(prompt_id: str, text: str | None = None, context: tuple[Turn, ...] = ()) -> Prompt:
    """A prompt."""
    return Prompt(
        prompt_id=prompt_id,
        text=text or f"what is {prompt_id}",
        context=context,
        answers=(),
        solution=None,
        family="f",
        source="s",
        licence="unknown",
    )


def candidate(prompt_id: str, draw: int, text: str = "y") -> Candidate:
    """A candidate that names its address."""
    return Candidate(
        prompt_id=prompt_id,
        round=1,
        draw=draw,
        policy_version="v1",
        text=f"{text} {prompt_id} {draw}",
        token_ids=(draw, 2),
        token_count=2,
        finish_reason="stop",
        proposal_logprob=-0.5 * draw,
        policy_logprob=-0.5 * draw,
    )


def drawn(requests: Sequence[Request]) -> list[Candidate]:
    """What an engine gives for some requests."""
    return [candidate(r.prompt.prompt_id, draw) for r in requests for draw in r.draws]


class Scripted:
    """An engine that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[list[tuple[str, range]]] = []

    def draw(
        self,
        requests: Sequence[Request],
        law: SamplingLaw,
        *,
        seed: int,
        round: int,  # noqa: A002
        on_drawn: OnDrawn | None = None,
    ) -> list[Candidate]:
        """Draws candidates that name their address."""
        self.asked.append([(r.prompt.prompt_id, r.draws) for r in requests])
        candidates = drawn(requests)
        if on_drawn is not None:
            on_drawn(candidates)
        return candidates
