"""Which rows each optimiser step learns from, and which of them are computed together.

    rows ─► shuffled epochs ─► steps of batch_size rows ─► micro-batches of like length

A step's rows are chosen by an addressed shuffle alone, so that it is an even sample of the rows:
batches of rows of one length would tie what a step learns to how long it is. Only within the step
are rows of like length put together, which costs nothing but the order of a sum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rsft.randomness import generator

_CALL_TOKENS = 100
"""Tokens that take as long as a call does to go through the weights, its gradients written and
added to those of the calls before: measured on two cores, 75 in a GPT-2 of 124M, 140 in a T5 of
60M, whose embedding is added thrice."""

_CALL_FLOPS = 4e9
"""What it costs besides, in floating-point operations: some 25 ms for twelve layers, whose products
run at 150 GFLOP/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one micro-batch may take."""

    tokens: int
    """Tokens computed, padding included."""
    targets: int
    """Target tokens, each of which has a row of logits."""
    call_tokens: float
    """Tokens that take as long as a call does beside its tokens: what splitting must be worth."""


def call_tokens(weights: int) -> float:
    """Tokens that take as long as a forward and backward call of so many weights without any."""
    return _CALL_TOKENS + _CALL_FLOPS / (6 * weights)


def shuffled_steps(rows: int, *, batch_size: int, steps: int, seed: int) -> Iterator[list[int]]:
    """Row numbers of each step: epochs of addressed shuffles, end to end.

    A step may run over into the next epoch, so that every step is full and no row is left out.
    """
    queue: list[int] = []
    epoch = 0
    for _ in range(steps):
        while len(queue) < batch_size:
            queue += generator("shuffle", seed, epoch).permutation(rows).tolist()
            epoch += 1
        yield queue[:batch_size]
        del queue[:batch_size]


def micro_batches(
    prompt_R: Sequence[int],
    completion_R: Sequence[int],
    limits: Limits,
    *,
    is_encoder_decoder: bool,
) -> list[list[int]]:
    """Puts rows of like length together, at the least cost.

    Rows are sorted by length, and cut where that is cheapest: a micro-batch costs the tokens it
    computes, padding included, and a call. Encoder-decoders pad prompts and completions apart.

    Args:
        prompt_R: Tokens of each row's prompt.
        completion_R: Tokens of each row's completion.
        limits: What one may take; a row that takes more is one of its own.
        is_encoder_decoder: Whether prompts and completions are padded apart.

    Returns:
        Numbers of the rows of each micro-batch.
    """
    prompt_S, completion_S = np.asarray(prompt_R), np.asarray(completion_R)
    order = np.lexsort((completion_S, prompt_S + completion_S))
    prompt_S, completion_S = prompt_S[order], completion_S[order]
    cost_E = np.full(len(order) + 1, np.inf)  # of the first E rows
    cost_E[0] = 0.0
    start_E = np.zeros(len(order) + 1, dtype=int)
    for end in range(1, len(order) + 1):
        first = max(0, end - limits.targets, end - limits.tokens)
        width_I = _widths(prompt_S[first:end], completion_S[first:end], is_encoder_decoder)
        size_I = np.arange(end - first, 0, -1)
        targets_I = np.cumsum(completion_S[first:end][::-1])[::-1]
        fits_I = (size_I * width_I <= limits.tokens) & (targets_I <= limits.targets)
        fits_I[-1] = True
        total_I = np.where(fits_I, cost_E[first:end] + size_I * width_I, np.inf)
        start_E[end] = first + int(np.argmin(total_I))
        cost_E[end] = total_I.min() + limits.call_tokens
    cuts = [len(order)]
    while cuts[-1]:
        cuts.append(int(start_E[cuts[-1]]))
    cuts.reverse()
    return [order[a:b].tolist() for a, b in pairwise(cuts)]


def _widths(prompt_S: np.ndarray, completion_S: np.ndarray, apart: bool) -> np.ndarray:
    """Tokens per row of the micro-batches that begin at each row and end with the last."""

    def longest_from(length_S: np.ndarray) -> np.ndarray:
        longest: np.ndarray = np.maximum.accumulate(length_S[::-1])[::-1]
        return longest

    if apart:
        prompt_I, completion_I = longest_from(prompt_S), longest_from(completion_S)
        return np.asarray(prompt_I + completion_I)
    return longest_from(prompt_S + completion_S)
