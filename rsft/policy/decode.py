"""The decoding loop: tokens one step at a time, until each row stops or reaches the cap.

    waiting prompts ─► read ─► cohort of prompts × copies ─► [choose ─► drop ─► forward]…
          ▲                                                         │
          └──────────────── once a quarter of the rows is free ◄────┘

Each prompt is encoded, or prefilled, once and shared by its copies. A row that has finished leaves
at once, and when enough have left, waiting prompts come in as a new cohort. How a token is chosen
is the caller's.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rsft.policy.cohorts import Batch
from rsft.policy.loading import Policy
from rsft.policy.stopping import StopStrings
from rsft.types import FinishReason

Choose = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits_NV, row_N, step_N) ↦ token_N. Rows are numbered by prompt, then copy; steps from 0."""

PROMPTS_HELD = 2
"""Prompts whose keys are held at once, in multiples of a full batch's: each may be down to its last
row, and without a limit their memory would grow with the number of copies."""
_WORTH_READING = 4
"""Waiting prompts come in once one row in so many is free: a forward over few rows costs as much
as one over some more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One completion."""

    row: int
    """Its row: prompts in the order given, each with all of its copies."""
    token_ids: list[int]
    """Its tokens, the stop token included where one was chosen."""
    finish_reason: FinishReason
    """``stop``, or ``length`` where the cap cut it."""


@torch.inference_mode()
def decode(
    policy: Policy,
    prompt_ids: Sequence[Sequence[int]],
    copies: Sequence[int],
    *,
    max_rows: int,
    max_new_tokens: int,
    choose: Choose,
    stop_strings: StopStrings | None = None,
    on_decoded: Callable[[list[Decoded]], None] | None = None,
) -> list[Decoded]:
    """Completes prompts.

    Args:
        policy: The policy.
        prompt_ids: Tokens of each prompt.
        copies: Completions of each prompt.
        max_rows: Rows decoded at once.
        max_new_tokens: Cap on a completion's tokens.
        choose: Picks the next token of each row.
        stop_strings: Strings that end a completion as a stop token does.
        on_decoded: Told of completions as they finish.

    Returns:
        The completions by row.

    Raises:
        EngineError: Where the policy's architecture is not one that can be decoded here.
    """
    device = policy.model.device
    rows = sum(copies)
    waiting = _waiting(prompt_ids, copies, max_rows)
    max_prompts = -(-PROMPTS_HELD * max_rows // min(copies))
    token_RT = torch.zeros((rows, max_new_tokens), dtype=torch.long, device=device)
    is_eos_V = torch.zeros(0, dtype=torch.bool, device=device)
    decoded: list[Decoded] = []
    row_N = torch.zeros(0, dtype=torch.long, device=device)
    step_N = torch.zeros_like(row_N)
    next_N = torch.zeros_like(row_N)

    def advance(logits_NV: Tensor, row_N: Tensor, step_N: Tensor) -> tuple[Tensor, Tensor]:
        """Chooses a token for each row; returns them, and the indices of rows that go on."""
        nonlocal is_eos_V
        if len(is_eos_V) == 0:
            is_eos_V = torch.zeros(logits_NV.shape[1], dtype=torch.bool, device=device)
            is_eos_V[torch.tensor(sorted(policy.eos_ids), device=device)] = True
        token_N = choose(logits_NV, row_N, step_N)
        token_RT[row_N, step_N] = token_N
        is_stopped_N = is_eos_V[token_N]
        if stop_strings is not None:
            may_end_N = stop_strings.may_end_V[token_N] & ~is_stopped_N
            for n in may_end_N.nonzero().squeeze(1).tolist():
                tokens = token_RT[row_N[n], : step_N[n] + 1].tolist()
                is_stopped_N[n] = stop_strings.is_found(tokens)
        is_done_N = is_stopped_N | (step_N + 1 == max_new_tokens)
        done = is_done_N.nonzero().squeeze(1)
        if len(done):
            finished = [
                Decoded(
                    row=row, token_ids=tokens[:length], finish_reason="stop" if ends else "length"
                )
                for row, tokens, length, ends in zip(
                    row_N[done].tolist(),
                    token_RT[row_N[done]].tolist(),
                    (step_N[done] + 1).tolist(),
                    is_stopped_N[done].tolist(),
                    strict=True,
                )
            ]
            decoded.extend(finished)
            if on_decoded is not None:
                on_decoded(finished)
        return token_N, (~is_done_N).nonzero().squeeze(1)

    with Batch(policy) as batch:
        while waiting or batch.rows:
            if batch.rows:
                logits_NV = batch.forward(next_N)
                token_N, going = advance(logits_NV, row_N, step_N)
                del logits_NV
                order = going if len(going) == len(row_N) else batch.keep(going)
                row_N, step_N, next_N = row_N[order], step_N[order] + 1, token_N[order]
            free = max_rows - batch.rows
            if batch.rows and (free * _WORTH_READING < max_rows or not batch.mixes_steps):
                continue
            started = _take(waiting, free, max_prompts - batch.prompts)
            if not started:
                continue
            logits_PV, cohort = batch.read([prompt_ids[prompt] for prompt, _ in started])
            new_N = torch.tensor([row for _, rows in started for row in rows], device=device)
            counts = torch.tensor([len(rows) for _, rows in started], device=device)
            prompt_N = torch.arange(len(started), device=device).repeat_interleave(counts)
            zero_N = torch.zeros_like(new_N)
            token_N, going = advance(logits_PV[prompt_N], new_N, zero_N)
            del logits_PV
            if len(going):
                cohort.spread(prompt_N[going], max_new_tokens)
                batch.cohorts.append(cohort)
                row_N = torch.cat([row_N, new_N[going]])
                step_N = torch.cat([step_N, zero_N[going] + 1])
                next_N = torch.cat([next_N, token_N[going]])
    return sorted(decoded, key=lambda completion: completion.row)


def _waiting(
    prompt_ids: Sequence[Sequence[int]], copies: Sequence[int], max_rows: int
) -> deque[tuple[int, range]]:
    """Prompts with their rows, those of like length together; none has more rows than fit."""
    start = 0
    jobs = []
    for prompt, count in enumerate(copies):
        end = start + count
        jobs += [
            (prompt, range(first, min(first + max_rows, end)))
            for first in range(start, end, max_rows)
        ]
        start = end
    return deque(sorted(jobs, key=lambda job: (len(prompt_ids[job[0]]), job[0], job[1].start)))


def _take(waiting: deque[tuple[int, range]], free: int, prompts: int) -> list[tuple[int, range]]:
    """The first prompts whose rows fit together, at most so many."""
    taken: list[tuple[int, range]] = []
    while waiting and len(waiting[0][1]) <= free and len(taken) < prompts:
        taken.append(waiting.popleft())
        free -= len(taken[-1][1])
    return taken
