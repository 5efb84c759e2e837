"""Models and tokenizers as others made them: a Hugging Face folder, or a name on the Hub.

Weights are read from safetensors only, never from a pickle, and no code that came with a model is
ever run but its chat template, in a sandbox (see ``chat``).
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from rsft.config import RAW
from rsft.errors import ConfigurationError, PolicyError

ChooseClass = Callable[[PretrainedConfig], Any]
"""Gives transformers' class that loads a model of some configuration."""

_TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.*")
"""Without any of these, transformers makes an empty tokenizer up for some architectures."""


def fetch_pretrained(
    model: str, revision: str | None, choose: ChooseClass, *, setting: str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model that the settings name, and its tokenizer.

    Args:
        model: A folder below ``data/raw``, or a Hub id.
        revision: Commit of the Hub model.
        choose: The class that loads it.
        setting: The section that names it, for messages.

    Raises:
        ConfigurationError: Where it is a folder that lies elsewhere.
        PolicyError: As ``read_folder``; or where the Hub cannot be reached or knows no such model.
    """
    folder = Path(model)
    if is_below_raw(model):
        return read_folder(folder, choose)
    if folder.is_absolute() or ".." in folder.parts or folder.exists():
        raise ConfigurationError(
            f"{setting}.model = {model!r}: a model folder must lie below {RAW}, so that DVC sees "
            "it change"
        )
    remedy = f"check {setting}.model, {setting}.revision and the network"
    return _read(model, choose, remedy=remedy, revision=revision)


def is_below_raw(model: str) -> bool:
    """Whether a model's name is that of a folder below ``data/raw``."""
    folder = Path(model)
    return RAW in folder.parents and ".." not in folder.parts


def read_folder(
    folder: Path, choose: ChooseClass, *, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model of a folder, in evaluation mode, and its tokenizer.

    Args:
        folder: A Hugging Face model folder.
        choose: The class that loads it.
        dtype: Precision to compute in.

    Raises:
        PolicyError: Where the folder is missing, holds no model, holds pickled weights only, or
            one this version of transformers cannot build.
    """
    if not folder.is_dir():
        raise PolicyError(f"{folder}: no such folder; a model is a Hugging Face model folder")
    if not (folder / "config.json").is_file():
        raise PolicyError(f"{folder}: no config.json in it; a model is a Hugging Face model folder")
    if not any(folder.glob("*.safetensors")):
        raise PolicyError(
            f"{folder}: no *.safetensors in it (pickled weights are not read); "
            "save the model again with model.save_pretrained"
        )
    if not any(found for name in _TOKENIZER_FILES for found in folder.glob(name)):
        raise PolicyError(
            f"{folder}: no tokenizer in it; save it there with tokenizer.save_pretrained"
        )
    remedy = "save or fetch the folder again"
    return _read(str(folder), choose, remedy=remedy, dtype=dtype, local_files_only=True)


def _read(
    name: str,
    choose: ChooseClass,
    *,
    remedy: str,
    dtype: torch.dtype = torch.float32,
    **where: Any,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    options = {"trust_remote_code": False, **where}
    try:
        with quiet():
            config = AutoConfig.from_pretrained(name, **options)
            model, report = choose(config).from_pretrained(
                name,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
            tokenizer = AutoTokenizer.from_pretrained(name, **options)
    except PolicyError as error:
        raise PolicyError(f"{name}: {error}") from None
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise PolicyError(f"{name}: cannot be loaded ({_first_line(error)}); {remedy}") from None
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise PolicyError(f"{name}: {len(missing)} weights are missing ({missing[0]}, …); {remedy}")
    # Else they are saved with it, and no two saves agree.
    tokenizer.init_kwargs.pop("is_local", None)
    tokenizer.init_kwargs.pop("local_files_only", None)
    return model.eval(), tokenizer


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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
