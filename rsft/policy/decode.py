"""The decoding loop: tokens one step at a time, until each row stops or reaches the cap.

    prompts ─► first forward, P rows ─► caches for P × copies rows ─► [choose ─► forward]…

Each prompt is encoded, or prefilled, once and shared by its copies. Rows that drew a stop token
leave the batch, with their part of the caches, once enough of them have finished to be worth the
copying. How a token is chosen is the caller's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rsft.policy.loading import Policy
from rsft.policy.states import start
from rsft.types import FinishReason

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""(logits_RV, row_R, step) ↦ token_R. ``row_R`` numbers the rows among prompts × copies; a row that
has finished but not yet left may be among them: what is chosen for it is ignored."""

_WORTH_COPYING = 4
"""Finished rows leave once they are one in so many of the batch: 3 to 8 are equally fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One completion."""

    token_ids: list[int]
    """Its tokens, the stop token included where one was chosen."""
    finish_reason: FinishReason
    """``stop``, or ``length`` where the cap cut it."""


@torch.inference_mode()
def decode(
    policy: Policy,
    prompt_ids: Sequence[Sequence[int]],
    *,
    copies: int,
    max_new_tokens: int,
    choose: Choose,
) -> list[Decoded]:
    """Completes a batch of prompts.

    Args:
        policy: The policy.
        prompt_ids: P prompts, decoded together.
        copies: Completions per prompt.
        max_new_tokens: Cap on a completion's tokens.
        choose: Picks the next token of each row.

    Returns:
        P × copies completions: all copies of the first prompt, then of the next.
    """
    logits_PV, state = start(policy, prompt_ids, max_new_tokens)
    device = logits_PV.device
    prompt_R = torch.arange(len(prompt_ids), device=device).repeat_interleave(copies)
    logits_RV = logits_PV.index_select(0, prompt_R)
    state.take(prompt_R)
    rows = len(prompt_R)
    eos = torch.tensor(sorted(policy.eos_ids), device=device)
    token_RT = torch.empty((rows, max_new_tokens), dtype=torch.long, device=device)
    length_R = torch.full((rows,), max_new_tokens, device=device)
    is_stopped_R = torch.zeros(rows, dtype=torch.bool, device=device)
    row = torch.arange(rows, device=device)
    for step in range(max_new_tokens):
        token = choose(logits_RV, row, step)
        token_RT[row, step] = token
        stops = row[torch.isin(token, eos) & ~is_stopped_R[row]]
        length_R[stops] = step + 1
        is_stopped_R[stops] = True
        alive = (~is_stopped_R[row]).nonzero().squeeze(1)
        if len(alive) == 0 or step + 1 == max_new_tokens:
            break
        if (len(row) - len(alive)) * _WORTH_COPYING >= len(row):
            row, token = row[alive], token[alive]
            state.take(alive)
        logits_RV = state.forward(token)
    return [
        Decoded(token_ids=tokens[:length], finish_reason="stop" if is_stopped else "length")
        for tokens, length, is_stopped in zip(
            token_RT.tolist(), length_R.tolist(), is_stopped_R.tolist(), strict=True
        )
    ]
