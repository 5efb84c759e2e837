"""Sequence classification with one output: a number for a dialogue, the same in any batch.

    dialogue ─► the tokenizer's chat template ─► tokens
             ─► without one: a pair, (all turns but the last, the last) ─► tokens

The number of a dialogue is what the model gives for it alone. Transformers has each model find its
place to read by a token's id, which holds in a batch only if it is filled up with that in mind:

    decoder-only      reads the last token that is not ``config.pad_token_id``. Where there is no
                      such id it refuses a batch: one is named for the batch that ends no row.
    encoder-decoder   reads the last EOS, and wants as many in each row: rows with as many are
                      computed together, and filled up with another token.
    encoder           reads the first token; the rest of the batch is masked.

Left out: several labels. Which of two is the good one, a model does not say.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rsft.errors import PolicyError
from rsft.policy.chat import render_chat
from rsft.policy.logprobs import pad
from rsft.policy.pretrained import fetch_pretrained
from rsft.policy.rendering import with_one_bos
from rsft.types import Progress, Turn


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


def logits_of(
    classifier: Classifier,
    rows: Sequence[Encoded],
    *,
    batch_rows: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """The output for each dialogue, the same whatever is computed beside it, but for rounding.

    Args:
        classifier: The model.
        rows: R dialogues that it has room for.
        batch_rows: Dialogues computed together; those of like length are.
        progress: Told of the dialogues done.

    Returns:
        (R,) float64, in the order given.

    Raises:
        PolicyError: Where the model reads the last EOS, and a dialogue has none.
    """
    logit_R = np.zeros(len(rows))
    done = 0
    with torch.inference_mode():
        for batch in _batches(classifier.model.config, rows, batch_rows):
            logit_R[batch] = _forward(classifier.model, [rows[r] for r in batch])
            done += len(batch)
            if progress is not None:
                progress(done, len(rows))
    return logit_R


def _batches(
    config: PretrainedConfig, rows: Sequence[Encoded], batch_rows: int
) -> Iterator[list[int]]:
    """Numbers of the rows to compute together: of like length, in encoder-decoders of like EOS."""
    alike = defaultdict(list)
    for number, row in enumerate(rows):
        ends = row.ids.count(config.eos_token_id) if config.is_encoder_decoder else None
        alike[ends].append(number)
    if 0 in alike:
        raise PolicyError(
            "the reward model reads the last EOS, and its tokenizer writes none; add it to the "
            "tokenizer's post-processor"
        )
    for numbers in alike.values():
        numbers.sort(key=lambda number: len(rows[number].ids))
        for start in range(0, len(numbers), batch_rows):
            yield numbers[start : start + batch_rows]


def _forward(model: PreTrainedModel, rows: Sequence[Encoded]) -> np.ndarray:
    ids = [row.ids for row in rows]
    filler = _filler(model.config, ids)
    input_ids = pad(ids, filler)
    lengths = torch.tensor([len(row) for row in ids])
    inputs = {
        "input_ids": input_ids,
        "attention_mask": (torch.arange(input_ids.shape[1]) < lengths[:, None]).long(),
    }
    if rows[0].segments is not None:
        inputs["token_type_ids"] = pad([row.segments or [] for row in rows], 0)
    with _filled_up_with(filler, model.config):
        logits = model(**{name: tensor.to(model.device) for name, tensor in inputs.items()}).logits
    return np.asarray(logits[:, 0].double().cpu().numpy())


def _filler(config: PretrainedConfig, rows: Sequence[Sequence[int]]) -> int:
    """What fills a batch up, such that the model reads each row where it would read it alone."""
    text = config.get_text_config()
    own = text.pad_token_id
    is_eos = config.is_encoder_decoder and own == text.eos_token_id
    if own is not None and own in range(text.vocab_size) and not is_eos:
        return int(own)
    taken = {text.eos_token_id, *(row[-1] for row in rows)}
    return next(token for token in range(len(taken) + 1) if token not in taken)


@contextlib.contextmanager
def _filled_up_with(filler: int, config: PretrainedConfig) -> Iterator[None]:
    """Tells the model what its batch is filled up with, for as long as it reads it."""
    text = config.get_text_config()
    own = text.pad_token_id
    text.pad_token_id = filler
    try:
        yield
    finally:
        text.pad_token_id = own
