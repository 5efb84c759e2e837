"""``mlflow/policy.yaml``: what promotion goes by.

It is pinned in each run's tag, and a run is judged by the policy it was pinned with: one that was
eased after the figures were seen is another run's.
"""

from pathlib import Path

from pydantic import Field

from rsft.config.section import Section

POLICY = Path("mlflow/policy.yaml")


class GainPolicy(Section):
    """What a challenger must be ahead by, on ``eval``."""

    alpha: float = Field(gt=0, lt=0.5)
    """Chance that a challenger that is no better is ever promoted by one evaluation set, over all
    looks at it: the k-th may risk ``alpha / (k (k + 1))``."""
    least: float = Field(ge=0, lt=1)
    """Least gain that is worth another model in service, as a fraction of 1."""


class GuardPolicy(Section):
    """What a challenger must not lose, on each guard set."""

    margin: float = Field(gt=0, lt=1)
    """The loss that is let pass, as a fraction of 1."""
    alpha: float = Field(gt=0, lt=0.5)
    """Chance that a larger loss ever passes a guard set, over all looks at it: the k-th may risk
    ``alpha / (k (k + 1))``."""
    solved_from: float = Field(ge=0, lt=1)
    """Share of right answers of the champion from which a set guards; of one that it cannot solve
    the figures are told, and have no say."""


class ApprovalPolicy(Section):
    """Whether a person has the last word."""

    required: bool
    """Whether what passed all checks waits for a person's yes."""
    hours: float = Field(gt=0, le=8760)
    """How long it waits; without an answer the challenger stays challenger."""


class Policy(Section):
    """All of ``mlflow/policy.yaml``. Every key must be there."""

    gain: GainPolicy
    guards: GuardPolicy
    max_unscorable: float = Field(ge=0, lt=1)
    """Share of a set's prompts on which either could not be scored, at most: they are left out of
    the comparison, and must not decide it."""
    resamples: int = Field(ge=1000, le=1_000_000)
    """Of the bootstrap at least; a small level takes more."""
    approval: ApprovalPolicy
