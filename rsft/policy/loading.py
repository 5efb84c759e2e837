"""Policies as folders: an ordinary Hugging Face model in safetensors, ``rendering.json`` beside it.

Weights are read from safetensors only, never from a pickle, and no code that came with a model is
ever run but its chat template, in a sandbox.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from rsft.config import RAW, BaseSection, RenderingSection
from rsft.errors import PolicyError
from rsft.policy.chat import turn_end

RENDERING_FILE = "rendering.json"

_NOT_THE_MODEL = {"_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"}
"""Entries of a configuration that say where a model came from, not what it computes."""

_TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.*")
"""Without any of these, transformers makes an empty tokenizer up for some architectures."""


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
        positions = getattr(self.model.config, "max_position_embeddings", None)
        limit = int(self.tokenizer.model_max_length)
        if positions is not None:
            limit = min(limit, positions)
        room = limit if self.is_encoder_decoder else limit - max_new_tokens
        is_cut = self.is_encoder_decoder and positions is not None and max_new_tokens > positions
        if room < 1 or is_cut:
            raise PolicyError(
                f"max_new_tokens = {max_new_tokens} is more than the policy has room for: it has "
                f"{limit} positions" + ("" if self.is_encoder_decoder else ", prompt included")
            )
        return room


def load_policy(folder: Path, *, dtype: torch.dtype = torch.float32) -> Policy:
    """Reads a policy's folder.

    Args:
        folder: A Hugging Face model folder; without ``rendering.json``, prompts go in as they are.
        dtype: Precision to compute in.

    Raises:
        PolicyError: Where the folder is missing, holds no model, holds pickled weights only, or
            one this version of transformers cannot build.
    """
    if not folder.is_dir():
        raise PolicyError(f"{folder}: no such folder; a policy is a Hugging Face model folder")
    if not (folder / "config.json").is_file():
        raise PolicyError(
            f"{folder}: no config.json in it; a policy is a Hugging Face model folder"
        )
    if not any(folder.glob("*.safetensors")):
        raise PolicyError(
            f"{folder}: no *.safetensors in it (pickled weights are not read); "
            "save the model again with model.save_pretrained"
        )
    if not any(found for name in _TOKENIZER_FILES for found in folder.glob(name)):
        raise PolicyError(
            f"{folder}: no tokenizer in it; save it there with tokenizer.save_pretrained"
        )
    return _load(
        str(folder),
        _read_rendering(folder),
        remedy="save or fetch the folder again",
        dtype=dtype,
        local_files_only=True,
    )


def fetch_base(section: BaseSection) -> Policy:
    """The base policy that is not made here: from a local folder or the Hub.

    Raises:
        PolicyError: As ``load_policy``; or where the Hub cannot be reached or knows no such model.
    """
    folder = Path(section.model)
    if RAW in folder.parents:
        policy = load_policy(folder)
        return Policy(model=policy.model, tokenizer=policy.tokenizer, rendering=section.rendering)
    remedy = "check base.model, base.revision and the network"
    return _load(section.model, section.rendering, remedy=remedy, revision=section.revision)


def save_policy(policy: Policy, folder: Path) -> None:
    """Writes a policy's folder; the same policy always gives the same bytes."""
    with _quiet():
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


def _load(
    name: str,
    rendering: RenderingSection,
    *,
    remedy: str,
    dtype: torch.dtype = torch.float32,
    **where: Any,
) -> Policy:
    options = {"trust_remote_code": False, **where}
    try:
        with _quiet():
            config = AutoConfig.from_pretrained(name, **options)
            auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
            model, report = auto.from_pretrained(
                name,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
            tokenizer = AutoTokenizer.from_pretrained(name, **options)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise PolicyError(f"{name}: cannot be loaded ({_first_line(error)}); {remedy}") from None
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise PolicyError(f"{name}: {len(missing)} weights are missing ({missing[0]}, …); {remedy}")
    # Else they are saved with it, and no two saves agree.
    tokenizer.init_kwargs.pop("is_local", None)
    tokenizer.init_kwargs.pop("local_files_only", None)
    policy = Policy(model=model.eval(), tokenizer=tokenizer, rendering=rendering)
    if config.is_encoder_decoder and config.decoder_start_token_id is None:
        raise PolicyError(
            f"{name}: no token that completions start with; set decoder_start_token_id in its "
            "config.json"
        )
    if not policy.eos_ids:
        raise PolicyError(f"{name}: no stop token; set eos_token_id in its generation_config.json")
    return policy


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' log and its bars: what matters in them is raised as an error."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
