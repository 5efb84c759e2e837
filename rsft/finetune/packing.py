"""Rows end to end, in place of padding; none sees another.

    line 1   prompt completion │ prompt completion │ padding
    line 2   prompt completion │ prompt completion

A decoder-only model is told positions that start anew with each row, by which transformers lets a
token see what stands before it up to such a start, where a model's attention is built by its
``masking_utils`` and no mask is given. An encoder-decoder is given masks, one row's tokens to its
own, and no positions: there is no input for them, so that they must be relative, as T5's are. A
model that is built otherwise would have rows see each other without a word (TRL #1230); hence each
is asked before it trains (``packing_proof.py``).
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from math import ceil

import numpy as np
import torch
from torch import Tensor

from rsft.finetune.batches import Limits
from rsft.policy import IGNORED, Policy, pad

_WIDTH = 2048
"""Tokens of a line that make attention cost as much as all else: its cost grows with the width."""


def packed_micro_batches(
    prompt_R: Sequence[int],
    completion_R: Sequence[int],
    limits: Limits,
    *,
    is_encoder_decoder: bool,
) -> list[list[int]]:
    """Parts rows into as few micro-batches as may be, of like size; arguments as ``micro_batches``.

    Returns:
        Numbers of the rows of each micro-batch; a row that takes more than one may is one of its
        own.
    """
    length_R = np.add(prompt_R, completion_R)
    least = max(length_R.sum() / limits.tokens, sum(completion_R) / limits.targets)
    for count in range(max(1, ceil(least)), len(length_R)):
        parts = _shared_out(length_R, count)
        if all(_fits(prompt_R, completion_R, part, limits, is_encoder_decoder) for part in parts):
            return parts
    return [[row] for row in range(len(length_R))]


def packed_inputs(
    policy: Policy, prompt_ids: Sequence[Sequence[int]], completion_ids: Sequence[Sequence[int]]
) -> dict[str, Tensor]:
    """``inputs_on`` the lines that cost least."""
    lines = _lines(
        [len(ids) for ids in prompt_ids],
        [len(ids) for ids in completion_ids],
        policy.is_encoder_decoder,
    )
    return inputs_on(lines, policy, prompt_ids, completion_ids)


def inputs_on(
    lines: Sequence[Sequence[int]],
    policy: Policy,
    prompt_ids: Sequence[Sequence[int]],
    completion_ids: Sequence[Sequence[int]],
) -> dict[str, Tensor]:
    """The model's inputs for R rows on L lines, and their labels.

    Args:
        lines: The rows of each line.
        policy: For its architecture, its padding and its device.
        prompt_ids: R prompts.
        completion_ids: R completions.

    Returns:
        What ``batch_inputs`` gives, by line; ``position_ids`` in place of a mask, or masks of four
        dimensions, of which ``encoder_mask`` is the encoder's; and ``target_N``, where in the
        labels each completion's tokens are, row by row, since lines have them in another order.
    """
    pack = _pack_apart if policy.is_encoder_decoder else _pack_together
    batch = pack(policy, prompt_ids, completion_ids, lines)
    width = batch["labels"].shape[1]
    begin_R = [0] * len(prompt_ids)
    for number, line in enumerate(lines):
        filled = number * width
        for row in line:
            begin_R[row] = filled + (0 if policy.is_encoder_decoder else len(prompt_ids[row]))
            filled = begin_R[row] + len(completion_ids[row])
    batch["target_N"] = torch.cat(
        [
            torch.arange(begin, begin + len(completion))
            for begin, completion in zip(begin_R, completion_ids, strict=True)
        ]
    )
    return {name: tensor.to(policy.model.device) for name, tensor in batch.items()}


def _pack_together(
    policy: Policy,
    prompt_ids: Sequence[Sequence[int]],
    completion_ids: Sequence[Sequence[int]],
    lines: Sequence[Sequence[int]],
) -> dict[str, Tensor]:
    """Lines of prompts and completions; what fills one up is a row of its own."""
    whole = [[*a, *b] for a, b in zip(prompt_ids, completion_ids, strict=True)]
    labels = [[*(IGNORED for _ in a), *b] for a, b in zip(prompt_ids, completion_ids, strict=True)]
    place = _end_to_end([list(range(len(ids))) for ids in whole], lines)
    width = max(map(len, place))
    return {
        "input_ids": pad(_end_to_end(whole, lines), policy.pad_id),
        "position_ids": torch.tensor([[*line, *range(width - len(line))] for line in place]),
        "labels": pad(_end_to_end(labels, lines), IGNORED),
    }


def _pack_apart(
    policy: Policy,
    prompt_ids: Sequence[Sequence[int]],
    completion_ids: Sequence[Sequence[int]],
    lines: Sequence[Sequence[int]],
) -> dict[str, Tensor]:
    """Lines of prompts, and lines of the same rows' completions; masks by whose a token is."""
    start = policy.model.config.decoder_start_token_id
    read_LS = pad(_end_to_end([[r] * len(ids) for r, ids in enumerate(prompt_ids)], lines), -1)
    own_LT = pad(_end_to_end([[r] * len(ids) for r, ids in enumerate(completion_ids)], lines), -1)
    is_before_TT = torch.ones(own_LT.shape[1], own_LT.shape[1], dtype=torch.bool).tril()
    # Padding reads anything: a token that reads nothing has no attention but NaN.
    is_read_LTS = (own_LT[:, :, None] == read_LS[:, None]) | (own_LT[:, :, None] < 0)
    return {
        "input_ids": pad(_end_to_end(prompt_ids, lines), policy.pad_id),
        "attention_mask": _mask(policy, is_read_LTS),
        "encoder_mask": _mask(policy, read_LS[:, :, None] == read_LS[:, None]),
        "decoder_input_ids": pad(
            _end_to_end([[start, *ids[:-1]] for ids in completion_ids], lines), policy.pad_id
        ),
        "decoder_attention_mask": _mask(
            policy, (own_LT[:, :, None] == own_LT[:, None]) & is_before_TT
        ),
        "labels": pad(_end_to_end(completion_ids, lines), IGNORED),
    }


def _mask(policy: Policy, is_seen_LQK: Tensor) -> Tensor:
    """A mask as transformers hands it to attention: added to the scores, or for torch's own."""
    is_seen = is_seen_LQK[:, None]
    if policy.model.config._attn_implementation != "eager":
        return is_seen
    dtype = policy.model.dtype
    return torch.zeros(is_seen.shape, dtype=dtype).masked_fill(~is_seen, torch.finfo(dtype).min)


def _end_to_end(rows: Sequence[Sequence[int]], lines: Sequence[Sequence[int]]) -> list[list[int]]:
    return [[token for row in line for token in rows[row]] for line in lines]


def _fits(
    prompt_R: Sequence[int],
    completion_R: Sequence[int],
    part: Sequence[int],
    limits: Limits,
    apart: bool,
) -> bool:
    prompts, completions = [prompt_R[row] for row in part], [completion_R[row] for row in part]
    lines = _lines(prompts, completions, apart)
    tokens = len(lines) * sum(_widths(prompts, completions, lines, apart))
    return tokens <= limits.tokens and sum(completions) <= limits.targets


def _lines(prompt_R: Sequence[int], completion_R: Sequence[int], apart: bool) -> list[list[int]]:
    """The rows of each line: as many lines as cost least, of like length."""
    length_R = np.add(prompt_R, completion_R)
    best: list[list[int]] = []
    least = np.inf
    for count in _counts(len(length_R)):
        lines = _shared_out(length_R, count)
        widths = _widths(prompt_R, completion_R, lines, apart)
        cost = count * sum(width * (1 + width / _WIDTH) for width in widths)
        if cost < least:
            best, least = lines, cost
    return best


def _widths(
    prompt_R: Sequence[int],
    completion_R: Sequence[int],
    lines: Sequence[Sequence[int]],
    apart: bool,
) -> list[int]:
    """Tokens of the longest line; of prompts and completions where they are apart."""
    prompts = [sum(prompt_R[row] for row in line) for line in lines]
    completions = [sum(completion_R[row] for row in line) for line in lines]
    if apart:
        return [max(prompts), max(completions)]
    return [max(map(sum, zip(prompts, completions, strict=True)))]


def _counts(rows: int) -> Iterator[int]:
    """Numbers of lines to try: every one where they are few, about a tenth apart where many."""
    count = 1
    while count < rows:
        yield count
        count += 1 + count // 10
    yield rows


def _shared_out(length_R: np.ndarray, count: int) -> list[list[int]]:
    """Rows over so many places, the longest first, each where there is least as yet."""
    places: list[list[int]] = [[] for _ in range(count)]
    filled = [(0, place) for place in range(count)]
    for row in np.argsort(-length_R, kind="stable").tolist():
        tokens, place = heappop(filled)
        places[place].append(row)
        heappush(filled, (tokens + int(length_R[row]), place))
    return places
