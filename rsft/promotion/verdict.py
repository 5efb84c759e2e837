"""What the gate says of a challenger, and on which grounds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rsft.evaluate import Gain, Guard

Outcome = Literal["promoted", "awaits approval", "not promoted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold."""

    name: str
    """What is checked."""
    passed: bool
    """Whether it holds."""
    told: str
    """What was found, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSet:
    """How the challenger does on a guard set."""

    has_say: bool
    """Whether a loss on it counts; not where what it is compared with is known not to solve it."""
    share: float | None
    """Share of right answers of what it is compared with; null where none could be scored."""
    figures: Guard | None
    """The comparison; null where no prompt was scored for both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a person said."""

    by: str
    """Who, as they named themselves."""
    is_approved: bool
    """Yes or no."""
    reason: str
    """Why; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says."""

    name: str
    """The registered model."""
    version: int
    """The challenger."""
    run_id: str
    """The run that vouches for it: the latest that made this model."""
    outcome: Outcome
    """What becomes of it."""
    reason: str
    """Why, in one line."""
    against: int | None
    """Version of the champion it was compared with; null where the base stood in for one."""
    evaluation: str
    """What was asked, and who judged: the same as in the manifest of the run."""
    prompts: Mapping[str, str]
    """Hash by name of each set's table of prompts."""
    judgement: str
    """Digest of all that it goes by: the same judgement again is no new look."""
    looks: Mapping[str, int]
    """By name of each set, the how-many-th judgement that looks at questions of it."""
    checks: Sequence[Check]
    """All that must hold, in order."""
    gain: Gain | None
    """On ``eval``; null where nothing could be compared."""
    guards: Mapping[str, GuardSet]
    """By name of each guard set."""
    policy: Mapping[str, Any]
    """What it was judged by, as the run's tag has it."""
    approval: Approval | None
    """What a person said; null where nobody was asked, or nobody answered."""

    @property
    def is_promoted(self) -> bool:
        """Whether it becomes the champion."""
        return self.outcome == "promoted"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "is_promoted": self.is_promoted}
