"""Rows of a decoder-only model end to end, in place of padding; none sees another.

    line 1   prompt completion │ prompt completion │ padding
    line 2   prompt completion │ padding

Positions start anew with each row, and transformers lets a token see what stands before it up to
such a start, where a model's attention is built by its ``masking_utils`` and no mask is given. A
model that is built otherwise would have rows see each other without a word (TRL #1230), so that
each is asked before it trains: rows on one line must have the log-probabilities that they have
alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from rsft.errors import ConfigurationError
from rsft.finetune.batches import Limits
from rsft.finetune.forward import target_logits
from rsft.policy import IGNORED, Policy, batch_inputs, pad

_FAILURES = (AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What a forward raises that does not expect to be called so."""


def packed_micro_batches(
    prompt_R: Sequence[int], completion_R: Sequence[int], limits: Limits
) -> list[list[int]]:
    """Puts rows on lines as long as the longest of their micro-batch: the first that has room.

    A longer line would hold no fewer tokens, and its attention would cost more.

    Args:
        prompt_R: Tokens of each row's prompt.
        completion_R: Tokens of each row's completion.
        limits: What a micro-batch may take; a row that takes more is one of its own.

    Returns:
        Numbers of the rows of each micro-batch, line by line.
    """
    length_R = [a + b for a, b in zip(prompt_R, completion_R, strict=True)]
    waiting = sorted(range(len(length_R)), key=lambda row: -length_R[row])
    parts = []
    while waiting:
        width = length_R[waiting[0]]
        most = max(1, limits.tokens // width)
        lines: list[list[int]] = []
        room: list[int] = []
        targets = 0
        later = []
        for row in waiting:
            fits = not lines or targets + completion_R[row] <= limits.targets
            line = next((i for i, free in enumerate(room) if free >= length_R[row]), len(lines))
            if not fits or line == most:
                later.append(row)
                continue
            if line == len(lines):
                lines.append([])
                room.append(width)
            lines[line].append(row)
            room[line] -= length_R[row]
            targets += completion_R[row]
        parts.append([row for line in lines for row in line])
        waiting = later
    return parts


def packed_inputs(
    policy: Policy, prompt_ids: Sequence[Sequence[int]], completion_ids: Sequence[Sequence[int]]
) -> dict[str, Tensor]:
    """The model's inputs for rows end to end, on lines as long as the longest row.

    Args:
        policy: For its padding and its device.
        prompt_ids: R prompts.
        completion_ids: R completions; in the order of ``packed_micro_batches``, they take no more
            lines than it counted.

    Returns:
        ``input_ids``, ``position_ids`` and ``labels``, (L, T). The labels of the prompts, and of
        each row's first token, are ``IGNORED``: no row tells another's.
    """
    rows = list(zip(prompt_ids, completion_ids, strict=True))
    width = max(len(prompt) + len(completion) for prompt, completion in rows)
    read: list[list[int]] = [[]]
    place: list[list[int]] = [[]]
    labels: list[list[int]] = [[]]
    for prompt, completion in rows:
        length = len(prompt) + len(completion)
        if len(read[-1]) + length > width:
            for lines in (read, place, labels):
                lines.append([])
        read[-1] += [*prompt, *completion]
        place[-1] += range(length)
        labels[-1] += [*(IGNORED for _ in prompt), *completion]
    for line in place:
        line += range(width - len(line))
    batch = {
        "input_ids": pad(read, policy.pad_id),
        "position_ids": torch.tensor(place),
        "labels": pad(labels, IGNORED),
    }
    return {name: tensor.to(policy.model.device) for name, tensor in batch.items()}


def refuse_unpackable(policy: Policy) -> None:
    """Proves that rows on one line do not see each other.

    Raises:
        ConfigurationError: Where the policy reads prompts by an encoder, or they do.
    """
    if policy.is_encoder_decoder:
        raise ConfigurationError(
            "finetune.packing = true: the policy is an encoder-decoder, whose rows cannot be put "
            "end to end; set it to false"
        )
    fault = _fault(policy)
    if fault is not None:
        raise ConfigurationError(
            f"finetune.packing = true: rows on one line are not what they are alone in this "
            f"{type(policy.model).__name__}: {fault}; set it to false"
        )


@torch.no_grad()
def _fault(policy: Policy) -> str | None:
    """What is wrong with packing this policy; null where nothing is."""
    words = policy.model.config.get_text_config(decoder=True).vocab_size
    prompts = [[(7 * token) % words for token in range(row, row + 3)] for row in range(3)]
    completions = [[(5 * token) % words for token in range(row, row + 2)] for row in range(3)]
    alone = torch.cat(
        [
            _logprobs(policy, batch_inputs(policy, [prompt], [completion]))
            for prompt, completion in zip(prompts, completions, strict=True)
        ]
    )
    longest = [token % words for token in range(sum(map(len, prompts)))]
    prompts.append([*longest, *completions[0], *completions[1]])  # as long as the others together
    completions.append(completions[2])
    try:
        together = _logprobs(policy, packed_inputs(policy, prompts, completions))
    except _FAILURES as error:
        return f"its forward fails ({type(error).__name__})"
    allowed = 1e-3 if policy.model.dtype == torch.float32 else 0.3
    worst = float((together[: len(alone)] - alone).abs().max())
    return None if worst < allowed else f"log-probabilities are off by {worst:.2g} nats"


def _logprobs(policy: Policy, batch: dict[str, Tensor]) -> Tensor:
    logits_NV, _ = target_logits(policy, policy.model, batch)
    return logits_NV.float().log_softmax(dim=1)
