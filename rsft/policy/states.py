"""What a batch's next decoding step needs, kept in transformers' own caches.

encoder-decoder   encoder states and their mask; a self- and a cross-attention cache
decoder-only      prompts padded on the left, so that all rows write the same column; a cache,
                  the mask over prompt and completion, the position of the next token
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from rsft.policy.loading import Policy
from rsft.policy.logprobs import pad


class State(Protocol):
    """The R rows of a batch, between two steps."""

    def take(self, rows: Tensor) -> None:
        """Replaces the rows by some of them, in any number: to repeat prompts, or drop rows."""

    def forward(self, token_R: Tensor) -> Tensor:
        """Appends a token to each row; returns the next one's logits, (R, V) in float32."""


def start(
    policy: Policy, prompt_ids: Sequence[Sequence[int]], max_new_tokens: int
) -> tuple[Tensor, State]:
    """Reads the prompts.

    Returns:
        (P, V) logits of the first token of the completions, and the state of the P rows.
    """
    if policy.is_encoder_decoder:
        return _start_encoder_decoder(policy, prompt_ids)
    return _start_decoder_only(policy, prompt_ids, max_new_tokens)


@dataclass(kw_only=True)
class _EncoderDecoderState:
    policy: Policy
    cache: EncoderDecoderCache
    encoded_RSD: Tensor
    mask_RS: Tensor

    def take(self, rows: Tensor) -> None:
        _take(self.cache.self_attention_cache, rows)
        _take(self.cache.cross_attention_cache, rows)
        self.encoded_RSD = self.encoded_RSD.index_select(0, rows)
        self.mask_RS = self.mask_RS.index_select(0, rows)

    def forward(self, token_R: Tensor) -> Tensor:
        logits: Tensor = self.policy.model(
            decoder_input_ids=token_R[:, None],
            encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded_RSD),
            attention_mask=self.mask_RS,
            past_key_values=self.cache,
            use_cache=True,
        ).logits
        return logits[:, -1].float()


def _start_encoder_decoder(
    policy: Policy, prompt_ids: Sequence[Sequence[int]]
) -> tuple[Tensor, _EncoderDecoderState]:
    input_ids, mask = _padded(policy, prompt_ids, left=False)
    model = policy.model
    encoded = model.get_encoder()(input_ids=input_ids, attention_mask=mask).last_hidden_state
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    state = _EncoderDecoderState(policy=policy, cache=cache, encoded_RSD=encoded, mask_RS=mask)
    begin = torch.full((len(input_ids),), model.config.decoder_start_token_id, device=mask.device)
    return state.forward(begin), state


@dataclass(kw_only=True)
class _DecoderOnlyState:
    policy: Policy
    cache: DynamicCache
    mask_RS: Tensor
    """Over the prompt and all tokens to come."""
    position_R: Tensor
    """Of the next token, padding not counted."""
    width: int
    """Columns of the mask in use."""

    def take(self, rows: Tensor) -> None:
        _take(self.cache, rows)
        self.mask_RS = self.mask_RS.index_select(0, rows)
        self.position_R = self.position_R.index_select(0, rows)

    def forward(self, token_R: Tensor) -> Tensor:
        self.width += 1
        logits: Tensor = self.policy.model(
            input_ids=token_R[:, None],
            attention_mask=self.mask_RS[:, : self.width],
            position_ids=self.position_R[:, None],
            past_key_values=self.cache,
            use_cache=True,
        ).logits
        self.position_R = self.position_R + 1
        return logits[:, -1].float()


def _start_decoder_only(
    policy: Policy, prompt_ids: Sequence[Sequence[int]], max_new_tokens: int
) -> tuple[Tensor, _DecoderOnlyState]:
    input_ids, mask = _padded(policy, prompt_ids, left=True)
    cache = DynamicCache(config=policy.model.config)
    logits = policy.model(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits
    state = _DecoderOnlyState(
        policy=policy,
        cache=cache,
        mask_RS=torch.cat([mask, mask.new_ones(len(mask), max_new_tokens)], dim=1),
        position_R=mask.sum(dim=1),
        width=mask.shape[1],
    )
    return logits[:, -1].float(), state


def _padded(
    policy: Policy, prompt_ids: Sequence[Sequence[int]], *, left: bool
) -> tuple[Tensor, Tensor]:
    """Tokens and attention mask, (P, longest)."""
    device = policy.model.device
    mask = pad([[1] * len(ids) for ids in prompt_ids], 0, left=left)
    return pad(prompt_ids, policy.pad_id, left=left).to(device), mask.to(device)


def _take(cache: DynamicCache, rows: Tensor) -> None:
    """As the cache's own methods do, which take four times as long to repeat or drop rows."""
    for layer in cache.layers:
        layer.keys = layer.keys.index_select(0, rows)
        layer.values = layer.values.index_select(0, rows)
