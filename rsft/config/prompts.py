"""``prompts``: where they come from."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from rsft.config.places import RAW, TRAINING
from rsft.config.section import Section


class EmbeddedSection(Section):
    """Sizes of the embedded set's splits, in prompts."""

    labelled: int = Field(ge=1)
    """With worked solutions."""
    train: int = Field(ge=1)
    """With answers only: what the policy is sampled on."""
    dev: int = Field(ge=0)
    """For choosing settings."""
    eval: int = Field(ge=1)
    """For the reported figures, never for choosing."""
    guard_paraphrases: int = Field(ge=0)
    """Known templates in wordings that appear nowhere else."""
    guard_templates: int = Field(ge=0)
    """Templates that appear nowhere else."""


class FilesSection(Section):
    """Prompts read from JSON Lines files below ``data/raw``, one object a line."""

    labelled: str | None = None
    """File of rows with worked solutions, if any."""
    train: str
    """File of rows to sample on."""
    eval: str
    """File of evaluation rows."""
    guards: dict[str, str] = Field(default={})
    """Further evaluation files by name of their split."""
    format: Literal["plain", "gsm8k"] = "plain"
    """``gsm8k`` turns the calculator notes before ``answer_marker`` into worked solutions."""
    max_calculations: int | None = Field(default=None, ge=1)
    """With ``gsm8k``: only problems of at most so many calculations."""
    labelled_count: int | None = Field(default=None, ge=1)
    """Without a ``labelled`` file: so many rows of ``train`` keep their solutions."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many rows of each file, from its start."""
    id_field: str = "id"
    """Field of the prompt's id; rows without one are numbered by file and line."""
    prompt_field: str = "prompt"
    """Field of the prompt's text."""
    messages_field: str = "messages"
    """Field of a dialogue instead of it: a list of ``{"role": …, "content": …}``, ``system`` first
    if at all, then ``user`` and ``assistant``; the last is the user's."""
    answer_field: str = "answer"
    """Field of the gold answer, or of a list of them, any of which is right."""
    choices_field: str = "choices"
    """Field of a list of what may be chosen from, the first being choice A; a row may lack it."""
    answer_marker: str | None = None
    """Where set, the gold answer is what follows it, and the whole field is the solution."""
    solution_field: str = "solution"
    """Field of the worked solution."""
    family_field: str = "family"
    """Field of the family; a row without one is its own family."""
    licence: str = "unknown"
    """SPDX identifier of the files' licence, carried with every row."""

    @model_validator(mode="after")
    def _guards_are_splits_of_their_own(self) -> Self:
        for name in self.guards:
            if not re.fullmatch(r"\w[\w.-]*", name) or name in (*TRAINING, "eval"):
                raise ValueError(
                    f"guards: {name!r} cannot be the name of a guard's split; take letters, digits "
                    f"and ._-, and none of {', '.join(TRAINING)} and eval"
                )
        return self

    @model_validator(mode="after")
    def _lies_in_raw(self) -> Self:
        for name in filter(None, (self.labelled, self.train, self.eval, *self.guards.values())):
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ValueError(f"{name!r} must be a name below {RAW}, so that DVC sees it change")
        return self


class ExcludeSection(Section):
    """Prompts to be left out of every split, and so of everything that is made from them.

    What `rsft forget` has put into ``data/forgotten.jsonl`` is left out besides.
    """

    prompt_ids: list[str] = Field(default=[])
    """By their id."""
    families: list[str] = Field(default=[])
    """By their family."""
    sources: list[str] = Field(default=[])
    """By where they came from."""
    licences: list[str] = Field(default=[])
    """By the licence of their source."""


class PromptsSection(Section):
    """Where prompts come from."""

    source: Literal["embedded", "files"]
    """``embedded``: word problems made here from the seed; ``files``: your own."""
    embedded: EmbeddedSection | None = None
    """Sizes of the embedded set."""
    files: FilesSection | None = None
    """Your files."""
    exclude: ExcludeSection = ExcludeSection()
    """What is left out of them."""

    @model_validator(mode="after")
    def _has_its_source(self) -> Self:
        if getattr(self, self.source) is None:
            raise ValueError(
                f"source is {self.source!r}, so the section prompts.{self.source} is needed"
            )
        return self
