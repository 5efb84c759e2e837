"""The protocol of a reward.

A completion that a reward cannot judge is ``unscorable``, which is not 0: it is counted, shown and
kept out of every mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from rsft.types import Completion, Progress, Prompt, ScoreStatus

Asked = tuple[Prompt, Sequence[Completion]]
"""A prompt and the completions to be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a reward says of one completion."""

    reward: float | None
    """In [0, 1] for verifiers, else any finite number; null if unscorable."""
    outcome: str | None = None
    """The answer read in the completion; null if none was found."""
    breakdown: Mapping[str, float] = field(default_factory=dict)
    """What the reward was made of, by name; empty where it is of one piece."""
    status: ScoreStatus = "ok"
    """``unscorable``: it could not judge; that is not a wrong answer."""
    note: str | None = None
    """Why it could not judge, in one line; null where it could."""


def unscorable(note: str, outcome: str | None = None) -> Score:
    """For a completion that cannot be judged, and why."""
    return Score(reward=None, outcome=outcome, status="unscorable", note=note)


class Reward(Protocol):
    """A function of a prompt and its completions; completions are hostile input."""

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Judges completions of one prompt, each for itself; one score each, in their order."""

    def gold(self, prompt: Prompt) -> str | None:
        """A completion that must get 1, from the prompt's gold; null where it knows of none."""


@runtime_checkable
class BatchedReward(Reward, Protocol):
    """A reward from a model or a server, which judges many prompts at once and cannot be killed."""

    def score_all(self, asked: Sequence[Asked], progress: Progress | None) -> list[list[Score]]:
        """Judges the completions of many prompts; one list a prompt, in their order."""
