"""What draws candidates: one protocol, three engines.

    native        the sampler here, over the model's own forward
    transformers  ``model.generate``, for architectures that the sampler does not know
    openai        a server with OpenAI's interface

An engine is handed prompts that fit the policy, and draws what was asked for and nothing else. It
returns all of it or fails.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Protocol

from rsft.generate.law import SamplingLaw
from rsft.types import Candidate, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is wanted of one prompt."""

    prompt: Prompt
    """The prompt."""
    draws: range
    """Numbers of the draws: ``range(8, 16)`` adds eight to a prompt that has eight."""


def lacking(request: Request, held: Container[int]) -> list[Request]:
    """What of a request is still to be drawn, as requests without gaps.

    Args:
        request: What is wanted.
        held: The draws that are there.
    """
    gaps: list[range] = []
    for draw in request.draws:
        if draw in held:
            continue
        if gaps and gaps[-1].stop == draw:
            gaps[-1] = range(gaps[-1].start, draw + 1)
        else:
            gaps.append(range(draw, draw + 1))
    return [Request(prompt=request.prompt, draws=draws) for draws in gaps]


OnDrawn = Callable[[Sequence[Candidate]], None]
"""Told of candidates as they are finished, in any order."""


class Engine(Protocol):
    """Draws candidates from one policy."""

    def draw(
        self,
        requests: Sequence[Request],
        law: SamplingLaw,
        *,
        seed: int,
        round: int,  # noqa: A002
        on_drawn: OnDrawn | None = None,
    ) -> list[Candidate]:
        """Draws what is asked for.

        Args:
            requests: Prompts that fit the policy, each with its draws.
            law: How tokens are drawn.
            seed: With the round, the prompt's id and the draw, the address of the randomness.
            round: The round that the candidates belong to.
            on_drawn: Told of candidates as they are finished.

        Returns:
            All draws of the first request, then of the next.

        Raises:
            EngineError: Where the engine cannot draw by this law, or breaks down.
        """
