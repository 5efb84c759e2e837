"""How many rows are decoded at once: a function of the policy's shape and the memory allowed."""

from collections.abc import Sequence

from rsft.policy.decode import PROMPTS_HELD
from rsft.policy.loading import Policy

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
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = (
        getattr(config, "d_kv", None)
        or getattr(config, "head_dim", None)
        or config.hidden_size // config.num_attention_heads
    )
    item = policy.model.dtype.itemsize
    token = 2 * config.num_hidden_layers * heads * width * item
    longest = max(len(ids) for ids in prompt_ids)
    prompts_per_row = max(1 / count for count in copies)
    row = token * (max_new_tokens + 1 + PROMPTS_HELD * longest * prompts_per_row)
    row += config.vocab_size * 4 * _LOGITS_COPIES
    return max(1, min(max_rows, int(memory_gib * 2**30 / row)))
