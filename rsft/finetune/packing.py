"""Rows end to end, in place of padding; none sees another.

    line 1   prompt completion │ prompt completion │ padding
    line 2   prompt completion │ prompt completion

A decoder-only model is told positions that start anew with each row, by which transformers lets a
token see what stands before it up to such a start, where a model's attention is built by its
``masking_utils`` and no mask is given. An encoder-decoder is told how long each row is
(``rows_apart.py``), and no positions: there is no input for them, so that they must be relative, as
T5's are. A model that is built otherwise would have rows see each other without a word (TRL #1230);
hence each is asked before it trains (``packing_proof.py``).
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from math import ceil
from typing import Any

import numpy as np
import torch

from rsft.finetune.batches import Limits
from rsft.finetune.rows_apart import Rows
from rsft.policy import IGNORED, Policy, pad

_WIDTH = 2048
"""Tokens of a decoder-only model's line that make attention cost as much as all else: its cost
grows with the width."""

_APART = 1024
"""Tokens of an encoder-decoder's line: attention does not grow with it, but the bias between a line
of completions and its prompts, which is all zeros, does."""


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
) -> dict[str, Any]:
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
) -> dict[str, Any]:
    """The model's inputs for R rows on L lines, and their labels.

    Args:
        lines: The rows of each line.
        policy: For its architecture, its padding and its device.
        prompt_ids: R prompts.
        completion_ids: R completions.

    Returns:
        What ``batch_inputs`` gives, by line; in place of a mask ``position_ids``, or ``rows`` for a
        model within ``rows_apart``; and ``target_N``, where in the labels each completion's tokens
        are, row by row, since lines have them in another order.
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
    device = policy.model.device
    return {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}


def _pack_together(
    policy: Policy,
    prompt_ids: Sequence[Sequence[int]],
    completion_ids: Sequence[Sequence[int]],
    lines: Sequence[Sequence[int]],
) -> dict[str, Any]:
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
) -> dict[str, Any]:
    """Lines of prompts, and lines of the same rows' completions."""
    start = policy.model.config.decoder_start_token_id
    read = [[start, *ids[:-1]] for ids in completion_ids]
    return {
        "input_ids": pad(_end_to_end(prompt_ids, lines), policy.pad_id),
        "decoder_input_ids": pad(_end_to_end(read, lines), policy.pad_id),
        "labels": pad(_end_to_end(completion_ids, lines), IGNORED),
        "rows": Rows(
            prompts=tuple(tuple(len(prompt_ids[row]) for row in line) for line in lines),
            completions=tuple(tuple(len(completion_ids[row]) for row in line) for line in lines),
        ),
    }


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
        if apart and max(widths) <= _APART:
            return lines
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
