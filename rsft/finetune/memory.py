"""Fewer rows at once where memory runs out; a step's rows, and so what it learns, stay the same."""

import gc
import logging
from collections.abc import Sequence
from dataclasses import replace

import torch

from rsft.errors import TrainingError
from rsft.finetune.batches import Limits
from rsft.policy import is_out_of_memory

logger = logging.getLogger("rsft")

_REMEDY = (
    "set gradient_checkpointing to true, precision to bfloat16, or lora, or lower "
    "max_prompt_tokens and max_completion_tokens"
)


def fewer_at_once(
    limits: Limits,
    prompt_R: Sequence[int],
    completion_R: Sequence[int],
    error: RuntimeError,
) -> Limits:
    """Half of what a micro-batch took that did not fit, which is logged; else the error is raised.

    Args:
        limits: What it had to keep within.
        prompt_R: Tokens of the prompt of each of its rows.
        completion_R: Tokens of the completion of each.
        error: What was raised.

    Raises:
        TrainingError: Where it was one row.
    """
    if not is_out_of_memory(error):
        raise error
    rows, targets = len(prompt_R), sum(completion_R)
    tokens = rows * (max(prompt_R) + max(completion_R))
    if rows == 1:
        raise TrainingError(
            f"out of memory: not even one row of {tokens:,} tokens can be learnt from; {_REMEDY}"
        ) from None
    fewer = replace(
        limits,
        tokens=max(1, min(limits.tokens, tokens) // 2),
        targets=max(1, min(limits.targets, targets) // 2),
    )
    logger.warning(
        "out of memory: at most %s tokens are computed at once from now on, in place of %s",
        f"{fewer.tokens:,}",
        f"{tokens:,}",
    )
    return fewer


def free_memory() -> None:
    """Gives back what a failed micro-batch held."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def no_memory(error: RuntimeError) -> TrainingError:
    """What to say where memory ran out beside the micro-batches; any other error is raised on."""
    if not is_out_of_memory(error):
        raise error
    return TrainingError(f"out of memory: the optimiser's moments do not fit; {_REMEDY}")
