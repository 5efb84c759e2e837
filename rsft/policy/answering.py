"""Greedy answers: the likeliest token at each step."""

from collections.abc import Sequence

from torch import Tensor

from rsft.policy.decode import decode
from rsft.policy.loading import Policy
from rsft.policy.rendering import decode_completions, encode_prompts, refuse_too_long
from rsft.types import Turn


def answer(
    policy: Policy,
    texts: Sequence[str],
    max_new_tokens: int,
    batch_prompts: int = 64,
    contexts: Sequence[tuple[Turn, ...]] | None = None,
) -> list[str]:
    """Answers prompts greedily.

    Args:
        policy: The policy.
        texts: What is asked, before rendering.
        max_new_tokens: Cap on an answer's tokens.
        batch_prompts: Prompts decoded together; those of like length are.
        contexts: The turns before each text; null where none has any.

    Returns:
        One completion per text, in their order, special tokens removed.

    Raises:
        PromptsError: Where a text is longer than the policy can read.
    """
    prompt_ids = encode_prompts(policy, texts, contexts)
    refuse_too_long(policy, prompt_ids, texts, max_new_tokens)
    order = sorted(range(len(prompt_ids)), key=lambda i: len(prompt_ids[i]))
    token_ids: list[list[int]] = [[] for _ in prompt_ids]
    for start in range(0, len(order), batch_prompts):
        batch = order[start : start + batch_prompts]
        decoded = decode(
            policy,
            [prompt_ids[i] for i in batch],
            copies=1,
            max_new_tokens=max_new_tokens,
            choose=_likeliest,
        )
        for i, completion in zip(batch, decoded, strict=True):
            token_ids[i] = completion.token_ids
    return decode_completions(policy, token_ids)


def _likeliest(logits_RV: Tensor, row_R: Tensor, step: int) -> Tensor:
    return logits_RV.argmax(dim=1)
