"""``validate``, ``evaluate``, ``controls``, ``register`` and ``promote``: what is believed."""

from typing import Literal, Self

from pydantic import Field, model_validator

from rsft.config.places import TRAINING
from rsft.config.section import Section


class ValidateSection(Section):
    """Bands that the accepted rows of a round must lie in."""

    min_rows: int = Field(ge=1)
    """Fewer accepted rows are critical."""
    max_rows: int = Field(ge=1)
    """More accepted rows are critical."""
    min_acceptance_rate: float = Field(ge=0, le=1)
    """Accepted rows over candidates, at least: a warning below."""
    max_acceptance_rate: float = Field(ge=0, le=1)
    """Accepted rows over candidates, at most: a warning above."""
    min_reward: float = 0.0
    """Least reward of a row."""
    max_reward: float = 1.0
    """Largest reward of a row."""


class EvaluateSection(Section):
    """What is measured, and on which prompts."""

    sets: dict[str, str]
    """Split by name in the report; ``eval`` must be among them."""
    draws: int = Field(ge=1)
    """Completions sampled per prompt, for pass@k."""
    k: int = Field(ge=1)
    """The k of pass@k; at most ``draws``."""
    max_new_tokens: int = Field(ge=1)
    """Cap on an answer's tokens."""
    resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the intervals."""

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        if "eval" not in self.sets:
            raise ValueError("sets needs an entry named 'eval'")
        for name, split in self.sets.items():
            if split in TRAINING:
                raise ValueError(f"sets.{name} is {split!r}, which policies are trained on")
        if self.k > self.draws:
            raise ValueError(f"pass@{self.k} is undefined for {self.draws} draws")
        return self


ControlName = Literal["random", "random_all_rounds", "no_filter", "supervised"]


class ControlsSection(Section):
    """Matched controls: the same training on rows that were not filtered."""

    after: str
    """Folder of the last round, whose pool is matched."""
    names: list[ControlName]
    """Which to train."""


class RegisterSection(Section):
    """The model registry."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    """Name of the registered model."""
    tracking_uri: str | None = None
    """MLflow's address; by default ``MLFLOW_TRACKING_URI``, else the store in ``mlflow/``."""


class PromoteSection(Section):
    """When a challenger becomes champion."""

    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the paired interval whose lower end must lie above 0."""
