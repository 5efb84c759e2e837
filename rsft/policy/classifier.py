"""Sequence classification with one output: a model that gives a dialogue a number.

    dialogue ─► the tokenizer's chat template ─► tokens
             ─► without one: a pair, (all turns but the last, the last) ─► tokens

Left out: several labels. Which of two is the good one, a model does not say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from transformers import (
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rsft.errors import PolicyError
from rsft.policy.chat import render_chat
from rsft.policy.pretrained import fetch_pretrained
from rsft.policy.rendering import with_one_bos
from rsft.types import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A dialogue as a classifier reads it."""

    ids: list[int]
    """Its tokens."""
    segments: list[int] | None
    """Of each token, whether it is of the pair's second text, for models that are told; else
    null."""


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A sequence-classification model with one output."""

    model: PreTrainedModel
    """In evaluation mode."""
    tokenizer: PreTrainedTokenizerBase
    """Its tokenizer."""

    @property
    def room(self) -> int:
        """Tokens that it reads at most."""
        limit = int(self.tokenizer.model_max_length)
        positions = getattr(self.model.config, "max_position_embeddings", None)
        return limit if positions is None else min(limit, positions - self._first_position)

    @property
    def _first_position(self) -> int:
        """Number of the first position: in RoBERTa's kin, those up to the padding's are none."""
        tables = (
            module.padding_idx
            for name, module in self.model.named_modules()
            if name.endswith("embeddings.position_embeddings")
        )
        padding = next(tables, None)
        return 0 if padding is None else padding + 1

    def encode(self, turns: Sequence[Turn]) -> Encoded:
        """The tokens of a dialogue whose last turn is the assistant's.

        Without a chat template, the turns before the last are one text, a turn a line. A tokenizer
        that puts no separator between two texts is given one text, the last turn on a line of its
        own.

        Raises:
            PolicyError: Where the chat template does not take these turns.
        """
        if self.tokenizer.chat_template is not None:
            text = render_chat(self.tokenizer, turns, is_answered=True)
            return self._encoded(text, add_special_tokens=False)
        *before, last = (turn.content for turn in turns)
        if self._has_separator:
            return self._encoded("\n".join(before), last)
        return self._encoded("\n".join([*before, last]))

    @cached_property
    def _has_separator(self) -> bool:
        pair = self.tokenizer("a", "b", return_attention_mask=False)
        place = pair.sequence_ids(0)
        between = pair["input_ids"][place.index(0) + 1 : place.index(1)]
        return any(token != self.tokenizer.bos_token_id for token in between)

    def _encoded(self, *texts: str, add_special_tokens: bool = True) -> Encoded:
        is_told = (getattr(self.model.config, "type_vocab_size", None) or 0) > 1
        encoded = self.tokenizer(
            *texts,
            add_special_tokens=add_special_tokens,
            return_attention_mask=False,
            return_token_type_ids=is_told,
            verbose=False,
        )
        if is_told:
            return Encoded(ids=encoded["input_ids"], segments=encoded["token_type_ids"])
        ids = with_one_bos(encoded["input_ids"], self.tokenizer.bos_token_id)
        return Encoded(ids=ids, segments=None)


def fetch_classifier(model: str, revision: str | None, *, setting: str) -> Classifier:
    """A classifier that the settings name.

    Args:
        model: A folder below ``data/raw``, or a Hub id.
        revision: Commit of the Hub model.
        setting: The section that names it, for messages.

    Raises:
        ConfigurationError: Where it is a folder that lies elsewhere.
        PolicyError: Where it cannot be loaded, was not trained as a classifier, or has several
            outputs.
    """
    weights, tokenizer = fetch_pretrained(model, revision, _class_of, setting=setting)
    return Classifier(model=weights, tokenizer=tokenizer)


def _class_of(config: PretrainedConfig) -> Any:
    if config.num_labels != 1:
        labels = ", ".join(map(str, config.id2label.values()))
        raise PolicyError(
            f"has {config.num_labels} outputs ({labels}), and which is the reward it does not "
            "say; choose a model with one"
        )
    return AutoModelForSequenceClassification
