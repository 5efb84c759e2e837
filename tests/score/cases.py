"""Prompts with every field filled in, and rewards that say what they are told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rsft.score import Score
from rsft.score.reward import Asked
from rsft.types import Completion, Progress, Prompt


def ask(*answers: str | None, **values: Any) -> Prompt:
    """Seven and five, whose sum is 12 unless it is said otherwise; None for no answer."""
    fields = {
        "prompt_id": "p",
        "text": "Ann has 7 pens and buys 5 more.",
        "solution": "n0 + n1 = r0",
        "family": "f",
        "source": "s",
        "licence": "unknown",
    }
    golds = tuple(answer for answer in answers or ("12",) if answer is not None)
    return Prompt(**({"answers": golds} | fields | values))


def completions(*texts: str) -> list[Completion]:
    """Completions of some texts."""
    return [Completion(text=text) for text in texts]


@dataclass
class Says:
    """A rule that gives every completion the same, and notes what it is asked."""

    told: Score
    asked: list[tuple[str, str]] = field(default_factory=list)

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        self.asked += [(prompt.prompt_id, completion.text) for completion in completions]
        return [self.told] * len(completions)

    def gold(self, prompt: Prompt) -> str | None:
        return prompt.answers[0] if prompt.answers else None


class SaysAtOnce(Says):
    """The same of many prompts at once, as a model does."""

    def score_all(self, asked: Sequence[Asked], progress: Progress | None) -> list[list[Score]]:
        if progress is not None:
            progress(1, 2, "half")
        return [self.score(prompt, texts) for prompt, texts in asked]

    def gold(self, prompt: Prompt) -> str | None:
        return None


def says(reward: float, outcome: str | None = None, **breakdown: float) -> Says:
    return Says(Score(reward=reward, outcome=outcome, breakdown=breakdown))
