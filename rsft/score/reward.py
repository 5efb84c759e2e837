"""The protocol of a reward."""

from dataclasses import dataclass
from typing import Protocol

from rsft.types import Prompt, ScoreStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a reward says of one completion."""

    reward: float | None
    """In [0, 1]; null if unscorable."""
    outcome: str | None
    """The answer read in the completion; null if none was found."""
    status: ScoreStatus = "ok"
    """``unscorable``: it could not judge; that is not a wrong answer."""


UNSCORABLE = Score(reward=None, outcome=None, status="unscorable")
"""For a prompt without what the reward compares with."""


class Reward(Protocol):
    """A function of a prompt and a completion; completions are hostile input."""

    def score(self, prompt: Prompt, completion: str) -> Score:
        """Judges one completion."""

    def gold(self, prompt: Prompt) -> str | None:
        """A completion that must get 1, from the prompt's gold; null where it has none."""
