"""Logits of the completions' tokens, and of nothing else.

The output layer is the largest of a small model, and most of what it would be given is prompt or
padding. What it reads is narrowed to the positions before a target just before it is called, which
holds for every architecture whose logits are a function of one position.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rsft.policy import IGNORED, Policy


@contextmanager
def only_at(layer: nn.Module, is_wanted_RT: Tensor) -> Iterator[None]:
    """Has an output layer read the wanted positions alone: (R, T, D) becomes (1, N, D)."""

    def narrow(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0][is_wanted_RT][None], *inputs[1:])

    handle = layer.register_forward_pre_hook(narrow)
    try:
        yield
    finally:
        handle.remove()


def target_logits(
    policy: Policy, model: nn.Module, batch: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Logits at each completion token, given those before it.

    Args:
        policy: Whose tokens and output layer they are.
        model: Its model, wrapped or not.
        batch: What ``batch_inputs`` gave for R rows.

    Returns:
        ``logits_NV`` and ``target_N`` of the N completion tokens, row by row; the stop token is
        one of them.
    """
    inputs: dict[str, Any] = {name: value for name, value in batch.items() if name != "labels"}
    labels_RT = batch["labels"]
    if not policy.is_encoder_decoder:  # a position tells the next token
        labels_RT = torch.nn.functional.pad(labels_RT[:, 1:], (0, 1), value=IGNORED)
    is_target_RT = labels_RT != IGNORED
    with only_at(policy.model.get_output_embeddings(), is_target_RT):
        logits_1NV = model(**inputs, use_cache=False).logits
    return logits_1NV[0], labels_RT[is_target_RT]
