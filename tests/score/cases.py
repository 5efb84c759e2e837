"""Prompts with every field filled in, and a reward that says what it is told."""

from dataclasses import dataclass
from typing import Any

from rsft.score import Score
from rsft.types import Prompt


def ask(answer: str | None = "12", **values: Any) -> Prompt:
    """Seven and five, whose sum is 12."""
    fields = {
        "prompt_id": "p",
        "text": "Ann has 7 pens and buys 5 more.",
        "solution": "n0 + n1 = r0",
        "family": "f",
        "source": "s",
        "licence": "unknown",
    }
    answers = () if answer is None else (answer,)
    return Prompt(**({"answers": answers} | fields | values))


@dataclass
class Says:
    """A reward that gives every completion the same, and counts how often it is asked."""

    told: Score
    asked: int = 0

    def score(self, prompt: Prompt, completion: str) -> Score:
        self.asked += 1
        return self.told

    def gold(self, prompt: Prompt) -> str | None:
        return prompt.answer


def says(reward: float, outcome: str | None = None) -> Says:
    return Says(Score(reward=reward, outcome=outcome))
