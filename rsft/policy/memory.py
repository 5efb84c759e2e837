"""How many rows are decoded at once: a function of the policy's shape and the memory allowed."""

import logging
from collections.abc import Sequence

import torch

from rsft.errors import EngineError
from rsft.policy.decode import PROMPTS_HELD
from rsft.policy.loading import Policy

logger = logging.getLogger("rsft")

_LOGITS_COPIES = 5
"""Tensors of the size of the logits in float32 while a token is drawn; sorting takes most."""


def rows_within(
    policy: Policy,
    memory_gib: float,
    max_rows: int,
    prompt_ids: Sequence[Sequence[int]],
    copies: Sequence[int],
    max_new_tokens: int,
) -> int:
    """Rows whose caches and logits fit into memory even where none stops before the cap.

    Args:
        policy: The policy.
        memory_gib: What they may take.
        max_rows: At most so many.
        prompt_ids: Tokens of each prompt.
        copies: Completions of each prompt.
        max_new_tokens: Cap on a completion's tokens.

    Returns:
        The number of rows, at least 1.
    """
    config = policy.model.config.get_text_config(decoder=True)
    all_heads = getattr(config, "num_attention_heads", None) or 1
    heads = getattr(config, "num_key_value_heads", None) or all_heads
    width = (
        getattr(config, "d_kv", None)
        or getattr(config, "head_dim", None)
        or config.hidden_size // all_heads
    )
    item = policy.model.dtype.itemsize
    token = 2 * config.num_hidden_layers * heads * width * item
    longest = max(len(ids) for ids in prompt_ids)
    prompts_per_row = max(1 / count for count in copies)
    row = token * (max_new_tokens + 1 + PROMPTS_HELD * longest * prompts_per_row)
    row += config.vocab_size * 4 * _LOGITS_COPIES
    return max(1, min(max_rows, int(memory_gib * 2**30 / row)))


def halved(rows: int, error: RuntimeError) -> int:
    """Half the rows where memory ran out, which is logged; any other error is raised on.

    Raises:
        EngineError: Where there was one row only.
    """
    if not is_out_of_memory(error):
        raise error
    if rows == 1:
        raise EngineError(
            "not even one completion fits into memory; use a smaller model, a lower "
            "max_new_tokens, or generate.dtype: bfloat16"
        ) from None
    logger.warning("out of memory: %d rows are decoded at once from now on", rows // 2)
    return rows // 2


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device's memory ran out, or the machine's."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
