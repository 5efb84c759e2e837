"""``score``: the rewards."""

import math
import re
from typing import Literal, Self

from pydantic import Field, model_validator

from rsft.config.base import RenderingSection
from rsft.config.generate import OpenAISection
from rsft.config.section import Section


class NumericAnswerSection(Section):
    """Where the number is that answers the question."""

    markers: list[str] = Field(default=["####", "A:", "\\boxed{}"])
    """The answer is what follows the last such marker, tried in this order; of ``\\boxed{}``, what
    lies between the braces."""
    last_number: bool = True
    """Where no marker is found, the last number is the answer; else there is none."""
    relative_tolerance: float = Field(default=0.0, ge=0, lt=1)
    """Numbers that differ by no more than this share of the gold one are equal."""
    symbolic: bool = True
    """Compare what is no number, such as ``\\frac{x}{2}``, by Math-Verify."""


class RewardModelSection(Section):
    """A sequence-classification model with one output, whose logit is the reward."""

    model: str
    """A Hugging Face folder below ``data/raw``, or a Hub id."""
    revision: str | None = None
    """Commit of the Hub model; pin it, or the Hub may change under you."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Longer dialogues are unscorable; by default what the model has room for."""
    batch_rows: int = Field(default=32, ge=1)
    """Dialogues computed together; those of like length are."""


class TargetModelSection(Section):
    """The model that gives log P(y|x), the target of the first statement."""

    model: str
    """A Hugging Face folder below ``data/raw``, or a Hub id."""
    revision: str | None = None
    """Commit of the Hub model; pin it, or the Hub may change under you."""
    rendering: RenderingSection | None = None
    """How prompts are rendered for it; by default as its ``rendering.json`` says, else as they
    are."""
    batch_rows: int = Field(default=32, ge=1)
    """Rows computed together at most; those of like length are."""


class JudgeSection(Section):
    """A model behind an OpenAI-compatible server that grades completions by a rubric."""

    server: OpenAISection
    """The server; ``model`` must be named."""
    rubric: str
    """What makes a completion good, in plain language."""
    compare: Literal["none", "gold"] = "none"
    """``gold``: which of completion and gold answer is better, asked in both orders; verdicts that
    change with the order are a tie."""
    grades: int = Field(default=5, ge=2, le=10)
    """With ``compare: none``: the best grade; 1 is the worst, and the reward is (g − 1)/(n − 1)."""
    max_tokens: int = Field(default=512, ge=16)
    """Cap on a verdict's tokens."""


RULES = ("exact_match", "f1", "numeric_answer", "choice", "worked_solution")
"""Verifiers: each can prove itself on its own golds."""

MODEL_BASED = ("reward_model", "target_model", "judge")
"""Rewards that take a model or a server; they judge many completions at once."""

_OWN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_own(name: str) -> bool:
    """Whether a name is a function of the user's, ``package.module:function``."""
    return _OWN.fullmatch(name) is not None


class ScoreSection(Section):
    """The reward."""

    rewards: dict[str, float] = Field(min_length=1)
    """Weight by name of each reward: ``exact_match``, ``f1``, ``numeric_answer``, ``choice``,
    ``worked_solution``, ``reward_model``, ``target_model``, ``judge``, or your own as
    ``package.module:function``. One of weight 0 is recorded, and has no say."""
    answer_marker: str | None = None
    """With ``exact_match``, ``f1`` and ``choice``: the answer is what follows the last such marker;
    null takes the whole completion."""
    numeric_answer: NumericAnswerSection = NumericAnswerSection()
    """With ``numeric_answer``: where the number is."""
    reward_model: RewardModelSection | None = None
    """With ``reward_model``: the model."""
    target_model: TargetModelSection | None = None
    """With ``target_model``: the model."""
    judge: JudgeSection | None = None
    """With ``judge``: the server and the rubric."""
    timeout_seconds: float = Field(default=5.0, gt=0)
    """A rule or function of your own that takes longer over one completion is killed; the
    completion is unscorable."""
    reference_logprob: bool = False
    """Record log π_ref of each candidate, under the base: what ``filter.base_measure: reference``
    needs."""

    @model_validator(mode="after")
    def _can_be_weighed(self) -> Self:
        for name, weight in self.rewards.items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"rewards.{name} = {weight}: must be a number from 0 on")
        if not any(self.rewards.values()):
            raise ValueError("rewards: at least one needs a weight greater than 0")
        for name in MODEL_BASED:
            if name in self.rewards and getattr(self, name) is None:
                raise ValueError(f"rewards names {name!r}, so the section score.{name} is needed")
        if self.answer_marker == "":
            raise ValueError("answer_marker must not be empty; null takes the whole completion")
        return self
