"""A policy's model as training has it: adapters, recomputed activations, compiled blocks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from rsft.config import FinetuneSection
from rsft.errors import ConfigurationError
from rsft.finetune.lora import Adapters
from rsft.finetune.packing_proof import refuse_unpackable
from rsft.finetune.rows_apart import rows_apart
from rsft.policy import Policy
from rsft.policy.pretrained import quiet


@contextmanager
def readied(
    policy: Policy, section: FinetuneSection, *, seed: int, reference: Policy | None = None
) -> Iterator[None]:
    """Readies the model for training; afterwards it is what it was, but for its weights.

    Args:
        policy: The policy, in evaluation mode, changed in place.
        section: What it is to be readied for.
        seed: Root of the adapters' first weights.
        reference: A policy that is to read the same inputs.

    Raises:
        ConfigurationError: Where the policy cannot be packed, adapters have no place, or nothing
            can be compiled here.
    """
    model = policy.model
    _refuse_impossible(policy, section)
    adapters = None if section.lora is None else Adapters(model, section.lora, seed=seed)
    if section.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    blocks = list(_blocks(model)) if section.compile else []
    for block in blocks:
        block.compile(dynamic=True)
    model.train()
    try:
        with ExitStack() as stack:
            stack.enter_context(quiet())  # it advises a mask where packed rows have none
            for reader in (policy, reference):
                if section.packing and reader is not None:
                    stack.enter_context(rows_apart(reader))
            yield
    finally:
        model.eval()
        for block in blocks:
            block._compiled_call_impl = None
        if section.gradient_checkpointing:
            model.activation_checkpointing_disable()
        if adapters is not None:
            adapters.merge()


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The layers that a model repeats: compiled one by one, they share their code.

    The model as a whole is not compiled: what its output layer reads differs from call to call.
    """
    for child in module.children():
        if isinstance(child, nn.ModuleList):
            yield from child
        else:
            yield from _blocks(child)


def _refuse_impossible(policy: Policy, section: FinetuneSection) -> None:
    if section.packing:
        refuse_unpackable(policy)
    if section.gradient_checkpointing and not policy.model.supports_gradient_checkpointing:
        raise ConfigurationError(
            f"finetune.gradient_checkpointing = true: a {type(policy.model).__name__} cannot "
            "recompute its activations; set it to false"
        )
    if section.compile:
        _refuse_uncompilable(policy.model.device)


def _refuse_uncompilable(device: torch.device) -> None:
    try:
        torch.compile(torch.sin)(torch.ones(2, device=device))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(
            f"finetune.compile = true: nothing can be compiled here ({reason}); install a C++ "
            "compiler such as g++, or set it to false"
        ) from None
