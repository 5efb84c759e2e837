"""``validate``, ``evaluate``, ``monitor``, ``controls`` and ``register``."""

import re
from typing import Literal, Self

from pydantic import Field, StrictInt, model_validator

from rsft.addresses import has_secret
from rsft.config.places import TRAINING
from rsft.config.section import Section

MODEL_NAME = r"^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$"
"""What a registered model may be called: its name is part of git tags, which GTO reads too."""

_SET_NAME = re.compile(r"[\w.:-]+(?: [\w.:-]+)*")
_LONGEST_SET_NAME = 40
"""MLflow refuses other names of figures, at the end of a run; longer ones fill a terminal."""


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

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        for name in ("rows", "acceptance_rate", "reward"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if least > most:
                raise ValueError(f"min_{name} is {least}, more than max_{name}, {most}")
        return self


class EvaluateSection(Section):
    """What is measured, and on which prompts."""

    sets: dict[str, str]
    """Split by name in the report; ``eval`` must be among them, the others guard against loss."""
    draws: int = Field(ge=1)
    """Completions sampled per prompt and seed, for pass@k, maj@k and the monitors."""
    k: int = Field(ge=1)
    """The k of pass@k and maj@k; at most ``draws``."""
    seeds: int = Field(default=1, ge=1)
    """Times that the draws are repeated with random numbers of their own, for the spread of what
    is measured on them."""
    max_new_tokens: int = Field(ge=1)
    """Cap on an answer's tokens."""
    metrics: list[str] = Field(default=[])
    """Rewards by name, such as ``exact_match``, ``f1`` or ``choice``, that are measured beside
    those of ``score.rewards`` and have no say in what is right."""
    win_rate: str | None = None
    """Who compares each answer with the base's: ``judge``, or the name of a reward that is
    measured, of which more is better; null for nobody."""
    resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the intervals."""

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        if "eval" not in self.sets:
            raise ValueError("sets needs an entry named 'eval'")
        for name, split in self.sets.items():
            if not _SET_NAME.fullmatch(name) or len(name) > _LONGEST_SET_NAME:
                raise ValueError(
                    f"sets: {name!r} is no name for a set; take letters, digits, spaces and ._:-, "
                    f"at most {_LONGEST_SET_NAME} of them"
                )
            if split in TRAINING:
                raise ValueError(f"sets.{name} is {split!r}, which policies are trained on")
        if self.k > self.draws:
            raise ValueError(f"pass@{self.k} is undefined for {self.draws} draws")
        return self


class MonitorSection(Section):
    """When the rounds end before the last: gain that stalls, or signs of collapse.

    All of it is measured on the held-out training prompts (``pool.heldout_share``), never on the
    evaluation sets. A threshold that is null is measured and shown, and stops nothing.
    """

    patience: int | None = Field(default=None, ge=1)
    """Rounds in a row without a new best share of right answers, after which the rest is not run;
    the best round's policy is handed on."""
    min_gain: float = Field(default=0.0, ge=0, lt=1)
    """What counts as a new best: so much more than the best so far, as a fraction of 1."""
    min_entropy: float | None = Field(default=None, gt=0)
    """Least entropy per token of sampled completions, as a share of the base's."""
    min_distinct: float | None = Field(default=None, gt=0)
    """Least share of distinct word n-grams in sampled completions, as a share of the base's."""
    distinct_words: int = Field(default=2, ge=1)
    """The n of those n-grams."""
    min_pass_gap: float | None = Field(default=None, gt=0, lt=1)
    """Least pass@k − pass@1: what drawing again is still good for."""
    max_length_ratio: float | None = Field(default=None, gt=1)
    """Mean tokens of sampled completions, at most so many times the base's, or its share."""
    min_effective_sample_size: float | None = Field(default=None, gt=0)
    """Least effective sample size of the rows that were trained on."""
    max_reward_gap: float | None = Field(default=None, gt=0)
    """How far the mean reward may rise above the base's beyond what ``gold`` rises: more is a
    reward that is gamed."""
    gold: str | None = None
    """Name of the measured reward that compares with gold answers, which the reward is held
    against."""

    @model_validator(mode="after")
    def _has_what_it_compares(self) -> Self:
        if self.max_reward_gap is not None and self.gold is None:
            raise ValueError("max_reward_gap is set, so monitor.gold is needed")
        return self


ON_HELD_OUT = (
    "patience",
    "min_entropy",
    "min_distinct",
    "min_pass_gap",
    "max_length_ratio",
    "max_reward_gap",
)
"""Settings of ``monitor`` that need held-out prompts."""

ControlName = Literal["random", "random_all_rounds", "no_filter", "supervised"]


class ControlsSection(Section):
    """Matched controls: the same training on rows that were not filtered."""

    names: list[ControlName]
    """Which to train."""
    rounds: list[StrictInt]  # DVC reads them as they are written
    """After which rounds, whose pools and steps are matched; ``--set rounds=N`` leaves the last."""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        for values in (self.names, self.rounds):
            if len(set(values)) < len(values):
                raise ValueError(f"{values} names one twice")
        return self


class RegisterSection(Section):
    """The model registry."""

    name: str = Field(pattern=MODEL_NAME)
    """Name of the registered model."""
    tracking_uri: str | None = None
    """MLflow's address; by default ``MLFLOW_TRACKING_URI``, else the store in ``mlflow/``."""

    @model_validator(mode="after")  # one of the field alone would be told with the password
    def _holds_no_password(self) -> Self:
        if self.tracking_uri is not None and has_secret(self.tracking_uri):
            raise ValueError(
                "tracking_uri holds a password, which every run would put on record; set "
                "MLFLOW_TRACKING_URI, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        return self
