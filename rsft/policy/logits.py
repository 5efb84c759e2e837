"""The number that a classifier gives a dialogue, the same in any batch.

The number of a dialogue is what the model gives for it alone. Transformers has each model find its
place to read by a token's id, which holds in a batch only if it is filled up with that in mind:

    decoder-only      reads the last token that is not ``config.pad_token_id``. Where there is no
                      such id it refuses a batch: one is named for the batch that ends no row.
    encoder-decoder   reads the last EOS, and wants as many in each row: rows with as many are
                      computed together, and filled up with another token.
    encoder           reads the first token; the rest of the batch is masked.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import PretrainedConfig, PreTrainedModel

from rsft.errors import PolicyError
from rsft.policy.classifier import Classifier, Encoded
from rsft.policy.logprobs import pad
from rsft.types import Progress


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
