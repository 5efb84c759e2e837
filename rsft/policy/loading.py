"""Policies as folders: an ordinary Hugging Face model, ``rendering.json`` beside it."""

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rsft.config import BaseSection, RenderingSection
from rsft.errors import PolicyError
from rsft.policy.chat import turn_end
from rsft.policy.pretrained import fetch_pretrained, is_below_raw, quiet, read_folder

RENDERING_FILE = "rendering.json"

_CPU = torch.device("cpu")
_NOT_THE_MODEL = {"_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"}
"""Entries of a configuration that say where a model came from, not what it computes."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A model with everything needed to ask it."""

    model: PreTrainedModel
    """In evaluation mode, but while it is trained."""
    tokenizer: PreTrainedTokenizerBase
    """Its tokenizer."""
    rendering: RenderingSection
    """How a prompt's text becomes its input."""

    @property
    def version(self) -> str:
        """Fingerprint of weights, configuration, tokenizer, stop tokens and rendering as they are.

        Hashed anew at every call (about a second per GB): training changes the weights in place.
        """
        digest = blake2b(digest_size=16)
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        config = {k: v for k, v in self.model.config.to_dict().items() if k not in _NOT_THE_MODEL}
        digest.update(json.dumps(config, sort_keys=True, default=str).encode())
        digest.update(json.dumps(sorted(self.eos_ids)).encode())
        digest.update(self.tokenizer.backend_tokenizer.to_str().encode())
        digest.update(json.dumps(self.tokenizer.chat_template).encode())
        digest.update(self.rendering.model_dump_json().encode())
        return digest.hexdigest()

    @property
    def is_encoder_decoder(self) -> bool:
        """Whether prompts are read by an encoder of their own."""
        return bool(self.model.config.is_encoder_decoder)

    @property
    def stop_id(self) -> int:
        """The stop token that training appends to completions.

        For a chat, the one that ends the assistant's turns in the tokenizer's own template, if
        sampling stops at it: a tokenizer's EOS may be one that the model never writes in a chat.
        """
        if self.rendering.chat:
            end = turn_end(self.tokenizer)
            if end in self.eos_ids:
                return end
        own = self.tokenizer.eos_token_id
        return int(own) if own is not None else min(self.eos_ids)

    @property
    def eos_ids(self) -> frozenset[int]:
        """Every token that ends a completion: the tokenizer's, and the generation config's.

        Those that the model has no logit for are left out.
        """
        configured = self.model.generation_config.eos_token_id
        several = configured if isinstance(configured, list) else [configured]
        size = self.model.config.get_text_config(decoder=True).vocab_size
        return frozenset(
            int(token)
            for token in (*several, self.tokenizer.eos_token_id)
            if token is not None and token < size
        )

    @property
    def pad_id(self) -> int:
        """What fills a batch up.

        Padding is masked by length and never recognised by its id, so that any token will do
        where the tokenizer names none; a stop token would do too, but hides mistakes.
        """
        own = self.tokenizer.pad_token_id
        if own is not None:
            return int(own)
        return next(token for token in range(len(self.eos_ids) + 1) if token not in self.eos_ids)

    def prompt_limit(self, max_new_tokens: int) -> int:
        """Tokens that a prompt may have at most.

        Args:
            max_new_tokens: Cap on the completion's tokens.

        Raises:
            PolicyError: Where such a completion leaves no room for a prompt, or has none itself.
        """
        if not self.has_room(1, max_new_tokens):
            limit = self._positions()
            raise PolicyError(
                f"max_new_tokens = {max_new_tokens} is more than the policy has room for: it has "
                f"{limit} positions" + ("" if self.is_encoder_decoder else ", prompt included")
            )
        return self._positions() - (0 if self.is_encoder_decoder else max_new_tokens)

    def has_room(self, prompt_tokens: int, completion_tokens: int) -> bool:
        """Whether a prompt and a completion of so many tokens fit the model."""
        if not self.is_encoder_decoder:
            return prompt_tokens + completion_tokens <= self._positions()
        written = getattr(self.model.config, "max_position_embeddings", None)
        return prompt_tokens <= self._positions() and (
            written is None or completion_tokens <= written
        )

    def _positions(self) -> int:
        """Tokens that the model reads at most; in T5, what its tokenizer says."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        limit = int(self.tokenizer.model_max_length)
        return limit if positions is None else min(limit, positions)


def load_policy(
    folder: Path, *, dtype: torch.dtype = torch.float32, device: torch.device = _CPU
) -> Policy:
    """Reads a policy's folder.

    Args:
        folder: A Hugging Face model folder; without ``rendering.json``, prompts go in as they are.
        dtype: Precision to compute in.
        device: Where to compute.

    Raises:
        PolicyError: Where the folder is missing, holds no model, holds pickled weights only, or
            one this version of transformers cannot build.
    """
    model, tokenizer = read_folder(folder, _class_of, dtype=dtype)
    policy = _policy(str(folder), model, tokenizer, _read_rendering(folder))
    policy.model.to(device)
    return policy


def fetch_policy(
    model: str, revision: str | None, rendering: RenderingSection | None, *, setting: str
) -> Policy:
    """A policy that the settings name.

    Args:
        model: A folder below ``data/raw``, or a Hub id.
        revision: Commit of the Hub model.
        rendering: How prompts are rendered for it; by default as the folder's ``rendering.json``
            says, else as they are.
        setting: The section that names it, for messages.

    Raises:
        ConfigurationError: Where it is a folder that lies elsewhere.
        PolicyError: As ``load_policy``; or where the Hub cannot be reached or knows no such model.
    """
    weights, tokenizer = fetch_pretrained(model, revision, _class_of, setting=setting)
    if rendering is None:
        rendering = _read_rendering(Path(model)) if is_below_raw(model) else RenderingSection()
    return _policy(model, weights, tokenizer, rendering)


def fetch_base(section: BaseSection) -> Policy:
    """The base policy that is not made here; raises as ``fetch_policy``."""
    return fetch_policy(section.model, section.revision, section.rendering, setting="base")


def save_policy(policy: Policy, folder: Path) -> None:
    """Writes a policy's folder; the same policy always gives the same bytes."""
    with quiet():
        policy.model.save_pretrained(folder)
        policy.tokenizer.save_pretrained(folder)
    text = policy.rendering.model_dump_json(indent=2)
    (folder / RENDERING_FILE).write_text(text + "\n", encoding="utf-8")


def _read_rendering(folder: Path) -> RenderingSection:
    file = folder / RENDERING_FILE
    if not file.exists():
        return RenderingSection()
    try:
        return RenderingSection.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as failure:
        error = failure.errors(include_url=False)[0]
        key = ".".join(map(str, error["loc"])) or "the file"
        raise PolicyError(f"{file}: {key}: {error['msg']}; save the policy again") from None


def _class_of(config: PretrainedConfig) -> Any:
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def _policy(
    name: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rendering: RenderingSection,
) -> Policy:
    policy = Policy(model=model, tokenizer=tokenizer, rendering=rendering)
    if policy.is_encoder_decoder and model.config.decoder_start_token_id is None:
        raise PolicyError(
            f"{name}: no token that completions start with; set decoder_start_token_id in its "
            "config.json"
        )
    if not policy.eos_ids:
        raise PolicyError(f"{name}: no stop token; set eos_token_id in its generation_config.json")
    return policy
