"""The training loop: AdamW on weighted rows, linear warm-up and decay.

    for each step: batch of rows ─► −Σ A log M / Σ A ─► clip ─► AdamW

Every random choice has an address: rows are shuffled by (seed, epoch), words dropped by (seed,
step), and the network's own dropout starts from the seed. Left out in this first form: gradient
accumulation, several processes, checkpoints, mixed precision.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR

from rsft.config import TrainingSection
from rsft.errors import ConfigurationError
from rsft.finetune.loss import weighted_nll
from rsft.policy import Policy, batch_inputs, encode_completions, encode_prompts, token_logprobs
from rsft.randomness import generator
from rsft.types import Progress, TrainingRow


def train(
    policy: Policy,
    rows: Sequence[TrainingRow],
    section: TrainingSection,
    *,
    seed: int,
    on_progress: Progress | None = None,
) -> list[float]:
    """Trains a policy in place.

    Args:
        policy: The policy; its model is in evaluation mode again afterwards.
        rows: Rows with positive weights A.
        section: Steps, batch and optimiser.
        seed: Root of the shuffles and of dropout.
        on_progress: Told (steps done, steps).

    Returns:
        The loss of each step, in nats per weighted completion.

    Raises:
        ConfigurationError: Where a prompt or completion is longer than the section allows.
    """
    prompts = encode_prompts(policy, [row.prompt for row in rows], [row.context for row in rows])
    completions = encode_completions(policy, [row.completion for row in rows])
    _check_lengths(rows, prompts, section.max_prompt_tokens, "prompt")
    _check_lengths(rows, completions, section.max_completion_tokens, "completion")
    weight_R = torch.tensor([row.weight for row in rows], dtype=torch.float64)
    model = policy.model
    optimiser = torch.optim.AdamW(
        model.parameters(),
        lr=section.learning_rate,
        weight_decay=section.weight_decay,
        fused=True,
    )
    schedule = LambdaLR(optimiser, lambda step: _learning_rate_factor(step, section))
    losses: list[float] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.train()
        for step, picked in enumerate(_batches(len(rows), section, seed)):
            batch = batch_inputs(
                policy,
                [_drop_words(policy, prompts[i], section, seed, step, i) for i in picked],
                [completions[i] for i in picked],
            )
            logprob_RT, mask_RT = token_logprobs(policy, batch)
            loss = weighted_nll(logprob_RT, mask_RT, weight_R[picked])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), section.max_grad_norm)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
            if on_progress is not None:
                on_progress(step + 1, section.steps)
        model.eval()
    return losses


def _learning_rate_factor(step: int, section: TrainingSection) -> float:
    if step < section.warmup_steps:
        return (step + 1) / section.warmup_steps
    return max(0.0, (section.steps - step) / max(1, section.steps - section.warmup_steps))


def _batches(rows: int, section: TrainingSection, seed: int) -> Iterator[list[int]]:
    """Row numbers of each step's batch: epochs of addressed shuffles, end to end.

    A batch may run over into the next epoch, so every batch is full and no row is left out.
    """
    queue: list[int] = []
    epoch = 0
    for _ in range(section.steps):
        while len(queue) < section.batch_size:
            queue += generator("shuffle", seed, epoch).permutation(rows).tolist()
            epoch += 1
        yield queue[: section.batch_size]
        del queue[: section.batch_size]


def _drop_words(
    policy: Policy, tokens: list[int], section: TrainingSection, seed: int, step: int, row: int
) -> list[int]:
    if section.word_dropout == 0.0:
        return tokens
    unknown = policy.tokenizer.unk_token_id
    special = set(policy.tokenizer.all_special_ids)
    dropped = generator("word-dropout", seed, step, row).random(len(tokens)) < section.word_dropout
    return [
        unknown if drop and token not in special else token
        for token, drop in zip(tokens, dropped.tolist(), strict=True)
    ]


def _check_lengths(
    rows: Sequence[TrainingRow], encoded: Sequence[Sequence[int]], limit: int, what: str
) -> None:
    longest = int(np.argmax([len(tokens) for tokens in encoded]))
    if len(encoded[longest]) > limit:
        raise ConfigurationError(
            f"finetune.max_{what}_tokens = {limit}: the {what} of prompt "
            f"{rows[longest].prompt_id!r} has {len(encoded[longest])} tokens; raise the limit or "
            "leave the row out"
        )
