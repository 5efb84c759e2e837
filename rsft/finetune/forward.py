"""Logits of the completions' tokens, and of nothing else.

The output layer is the largest of a small model, and most of what it would be given is prompt or
padding. What it reads is narrowed to the positions before a target just before it is called, which
holds for every architecture whose logits are a function of one position.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from rsft.policy import IGNORED, Policy

_NOT_READ = {"labels", "target_N"}


@contextmanager
def only_at(layer: nn.Module, place_N: Tensor) -> Iterator[None]:
    """Has an output layer read the wanted places alone: (R, T, D) becomes (1, N, D)."""

    def narrow(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0].flatten(0, 1)[place_N][None], *inputs[1:])

    handle = layer.register_forward_pre_hook(narrow)
    try:
        yield
    finally:
        handle.remove()


def target_logits(policy: Policy, model: nn.Module, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Logits at each completion token, given those before it.

    Args:
        policy: Whose tokens and output layer they are.
        model: Its model, wrapped or not.
        batch: What ``batch_inputs`` or ``packed_inputs`` gave for R rows.

    Returns:
        ``logits_NV`` and ``target_N`` of the N completion tokens, row by row; the stop token is
        one of them.
    """
    label_N = batch["labels"].flatten()
    place_N = batch.get("target_N")
    if place_N is None:
        place_N = (label_N != IGNORED).nonzero().squeeze(1)
    # In a decoder-only model a position tells the next token.
    tells_N = place_N if policy.is_encoder_decoder else place_N - 1
    inputs = {name: value for name, value in batch.items() if name not in _NOT_READ}
    with only_at(policy.model.get_output_embeddings(), tells_N):
        logits_1NV = model(**inputs, use_cache=False).logits
    return logits_1NV[0], label_N[place_N]
