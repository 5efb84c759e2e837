"""``base``: the policy that the first round samples from."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from rsft.config.places import RAW
from rsft.config.section import Section
from rsft.config.training import TrainingSection


class RenderingSection(Section):
    """How a prompt's text becomes the policy's input, the same wherever the policy reads one."""

    template: str = "{prompt}"
    """Text around the prompt; ``{prompt}`` stands for it."""
    number_slots: bool = False
    """Write the k-th number as ``n{k}`` (a policy trained from scratch cannot read digits)."""
    chat: bool = False
    """Pass the text as the user's message, after the turns before it, through the tokenizer's own
    chat template."""

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if "{prompt}" not in self.template:
            raise ValueError("template must contain {prompt}")
        return self


class ScratchSection(Section):
    """A small T5 made here: its size, its tokenizer and its training on the labelled rows."""

    d_model: int = Field(ge=8)
    """Width."""
    d_ff: int = Field(ge=8)
    """Width of the feed-forward layers."""
    layers: int = Field(ge=1)
    """Layers of the encoder, and of the decoder."""
    heads: int = Field(ge=1)
    """Attention heads."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout of the network; it is part of the saved model, so fine-tuning uses it too."""
    vocabulary: int = Field(ge=32)
    """At most so many words; the rest become the unknown token."""
    training: TrainingSection
    """Training on the labelled rows."""

    @model_validator(mode="after")
    def _heads_have_a_width(self) -> Self:
        if self.heads > self.d_model:
            raise ValueError(f"heads is {self.heads}, more than d_model, {self.d_model}")
        return self


class BaseSection(Section):
    """The policy that the first round samples from."""

    model: str
    """``scratch``, a Hugging Face folder below ``data/raw``, or a Hub id such as
    ``google-t5/t5-small``."""
    revision: str | None = None
    """Commit of the Hub model; pin it, or the Hub may change under you."""
    rendering: RenderingSection = RenderingSection()
    """How prompts are rendered for it; saved with every model trained from it."""
    scratch: ScratchSection | None = None
    """With ``model: scratch``: what to make."""

    @model_validator(mode="after")
    def _has_its_recipe(self) -> Self:
        if self.model == "scratch" and self.scratch is None:
            raise ValueError("model is 'scratch', so the section base.scratch is needed")
        path = Path(self.model)
        if path.is_absolute() or ".." in path.parts or (path.exists() and RAW not in path.parents):
            raise ValueError(f"a model folder must lie below {RAW}, so that DVC sees it change")
        return self
