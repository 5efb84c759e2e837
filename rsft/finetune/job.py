"""What one training run is given."""

from collections.abc import Sequence
from dataclasses import dataclass

from rsft.config import FinetuneSection
from rsft.policy import Policy
from rsft.types import TrainingRow


@dataclass(frozen=True, kw_only=True)
class Job:
    """A policy, and what it is to learn."""

    policy: Policy
    """The policy, trained in place on the device that it is on."""
    rows: Sequence[TrainingRow]
    """Rows with their weights A."""
    section: FinetuneSection
    """Loss, batches, optimiser."""
    seed: int
    """Root of the shuffles and of dropout."""
    reference: Policy | None = None
    """With ``section.beta``: π_ref."""
    heldout: Sequence[TrainingRow] = ()
    """With ``section.early_stopping``: the rows whose loss it stops by."""
