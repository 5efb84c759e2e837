"""Low-rank adapters (arXiv 2106.09685) by peft, in the policy's own model, merged when done.

    W x  ─►  W x + (alpha / rank) B A x, of which A and B are trained; W += (alpha / rank) B A

The model stays the object that it was, so that what is saved is an ordinary folder.
"""

import warnings
from collections.abc import Sequence

import peft
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from rsft.config import LoraSection
from rsft.errors import ConfigurationError
from rsft.randomness import address_key


class Adapters:
    """The adapters in a model."""

    def __init__(self, model: PreTrainedModel, section: LoraSection, *, seed: int) -> None:
        """Puts them in, and freezes all else.

        Args:
            model: The model, changed in place.
            section: Rank, scale, dropout, and which layers.
            seed: Of A; B is 0, so that nothing changes before the first step.

        Raises:
            ConfigurationError: Where a target names no layer.
        """
        layers = _targeted(model, section.targets)
        config = peft.LoraConfig(
            r=section.rank,
            lora_alpha=section.alpha,
            lora_dropout=section.dropout,
            target_modules=list(layers),
            fan_in_fan_out=all(isinstance(layer, Conv1D) for layer in layers.values()),
        )
        self._was_trained = list(trainable_parameters(model).values())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(address_key("adapters", seed) >> 1)
            self._tuner = peft.LoraModel(model, config, "default")

    def merge(self) -> None:
        """Adds them to the weights, and takes them out.

        An output layer that is not the embedding, whatever the configuration says, as in Flan-T5's
        folders, has peft warn and change the configuration, and so what some models compute.
        """
        config = self._tuner.model.config
        is_tied = config.tie_word_embeddings
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Input and output embeddings are no longer tied")
            self._tuner.merge_and_unload()
        config.tie_word_embeddings = is_tied
        for parameter in self._was_trained:
            parameter.requires_grad_(True)


def trainable_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training changes, by name: all weights, or the adapters alone."""
    return {
        name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad
    }


def _targeted(model: PreTrainedModel, targets: Sequence[str]) -> dict[str, nn.Module]:
    """The linear layers that get an adapter; the output layer, which may be the embedding, never.

    Raises:
        ConfigurationError: Where a target names none.
    """
    output = model.get_output_embeddings()
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not output
    }
    if not targets:
        return layers
    chosen: dict[str, nn.Module] = {}
    for target in targets:
        named = {name: layers[name] for name in layers if f".{name}".endswith(f".{target}")}
        if not named:
            known = ", ".join(sorted({name.rpartition(".")[2] for name in layers}))
            raise ConfigurationError(
                f"finetune.lora.targets: {target!r} names no linear layer of this "
                f"{type(model).__name__}; its layers are {known}"
            )
        chosen |= named
    return chosen
