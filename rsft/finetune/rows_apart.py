"""Attention within each of the rows that an encoder-decoder has end to end on a line.

By masks, a line of r rows costs the scores of r² pairs of rows, and all but r of them are thrown
away. transformers lets a function take the place of attention (its ``AttentionInterface``); this
one asks for each row's scores alone. What a token sees of another's place must be relative: T5's
bias, which is computed for the longest row and cut to each.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from rsft.policy import Policy

_NAME = "rsft_rows_apart"


@dataclass(frozen=True, slots=True)
class Rows:
    """Tokens of the rows of each line, as they stand in it."""

    prompts: tuple[tuple[int, ...], ...]
    completions: tuple[tuple[int, ...], ...]


@contextmanager
def rows_apart(policy: Policy) -> Iterator[None]:
    """Has an encoder-decoder take ``rows`` among its inputs, and attend by them.

    Args:
        policy: Any policy; a decoder-only one is left as it is.
    """
    if not policy.is_encoder_decoder:
        yield
        return
    model, before = policy.model, policy.model.config._attn_implementation
    biased = [m for m in model.modules() if getattr(m, "has_relative_attention_bias", False)]
    read: dict[str, Rows] = {}  # kept from a forward to its backward, which may call layers anew

    def note(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        read["rows"] = named["rows"]

    def bias_of_longest(module: Any, *lengths: int, **named: Any) -> Tensor:
        rows = read["rows"]
        longest = max(map(max, rows.completions if module.is_decoder else rows.prompts))
        bias: Tensor = type(module).compute_bias(module, longest, longest, **named)
        return bias

    handle = model.register_forward_pre_hook(note, with_kwargs=True)
    try:
        for module in biased:
            module.compute_bias = partial(bias_of_longest, module)
        model.set_attn_implementation(_NAME)
        yield
    finally:
        handle.remove()
        for module in biased:
            del module.compute_bias
        model.set_attn_implementation(before)


def _attend(
    module: Any,
    query_LHTD: Tensor,
    key_LHSD: Tensor,
    value_LHSD: Tensor,
    mask: None,
    *,
    rows: Rows,
    scaling: float,
    position_bias: Tensor | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """What attention gives, as (L, T, H, D): of either side to itself, or of one to the other."""
    asking = rows.completions if module.is_decoder else rows.prompts
    asked = rows.completions if module.is_causal else rows.prompts
    is_across = module.is_decoder and not module.is_causal
    bias_HTT = None if position_bias is None or is_across else position_bias[0]
    lines = []
    for query_HTD, key_HSD, value_HSD, tokens, others in zip(
        query_LHTD.unbind(), key_LHSD.unbind(), value_LHSD.unbind(), asking, asked, strict=True
    ):
        *queries, filling_HTD = _apart(query_HTD, tokens)
        keys, values = _apart(key_HSD, others)[:-1], _apart(value_HSD, others)[:-1]
        parts = []
        for query, key, value in zip(queries, keys, values, strict=True):
            score_HTS = _scores(query, key, bias_HTT, scaling)
            if module.is_causal:
                score_HTS = score_HTS.masked_fill(_is_later(query), -torch.inf)
            parts.append(drop(score_HTS.softmax(dim=-1), dropout) @ value)
        lines.append(torch.cat([*parts, torch.zeros_like(filling_HTD)], dim=1))
    return torch.stack(lines).transpose(1, 2), None


def _apart(line_HTD: Tensor, tokens: Sequence[int]) -> tuple[Tensor, ...]:
    """The rows of a line, and what it is filled up with.

    Split, and not sliced: a slice's gradient is as long as the line, and zero elsewhere.
    """
    return torch.split(line_HTD, [*tokens, line_HTD.shape[1] - sum(tokens)], dim=1)


def _scores(query_HTD: Tensor, key_HSD: Tensor, bias_HTT: Tensor | None, scaling: float) -> Tensor:
    key_HDS = key_HSD.transpose(1, 2)
    if bias_HTT is None:
        return query_HTD @ key_HDS * scaling
    tokens = query_HTD.shape[1]
    return torch.baddbmm(bias_HTT[:, :tokens, :tokens], query_HTD, key_HDS, alpha=scaling)


def _is_later(query_HTD: Tensor) -> Tensor:
    tokens = query_HTD.shape[1]
    return torch.ones(tokens, tokens, dtype=torch.bool, device=query_HTD.device).triu(1)


# Not to be compiled: that would be done for every set of lengths anew.
AttentionInterface.register(_NAME, torch.compiler.disable(_attend))  # type: ignore[no-untyped-call]
AttentionMaskInterface.register(_NAME, lambda *_, **__: None)
