"""Greedy answers: the likeliest token at each step."""

from collections.abc import Sequence

from torch import Tensor

from rsft.policy.decode import decode
from rsft.policy.loading import Policy
from rsft.policy.memory import rows_within
from rsft.policy.rendering import decode_completions, encode_prompts, refuse_too_long
from rsft.types import Turn


def answer(
    policy: Policy,
    texts: Sequence[str],
    max_new_tokens: int,
    *,
    contexts: Sequence[tuple[Turn, ...]] | None = None,
    memory_gib: float = 1.0,
    max_rows: int = 1024,
) -> list[str]:
    """Answers prompts greedily.

    Args:
        policy: The policy.
        texts: What is asked, before rendering.
        max_new_tokens: Cap on an answer's tokens.
        contexts: The turns before each text; null where none has any.
        memory_gib: What decoding may take beside the weights.
        max_rows: At most so many prompts decoded at once.

    Returns:
        One completion per text, in their order, special tokens removed.

    Raises:
        PromptsError: Where a text is longer than the policy can read.
        EngineError: Where the policy's architecture cannot be decoded.
    """
    if not texts:
        return []
    prompt_ids = encode_prompts(policy, texts, contexts)
    refuse_too_long(policy, prompt_ids, texts, max_new_tokens)
    copies = [1] * len(texts)
    decoded = decode(
        policy,
        prompt_ids,
        copies,
        max_rows=rows_within(policy, memory_gib, max_rows, prompt_ids, copies, max_new_tokens),
        max_new_tokens=max_new_tokens,
        choose=_likeliest,
    )
    return decode_completions(policy, [completion.token_ids for completion in decoded])


def _likeliest(logits_NV: Tensor, row_N: Tensor, step_N: Tensor) -> Tensor:
    return logits_NV.argmax(dim=1)
