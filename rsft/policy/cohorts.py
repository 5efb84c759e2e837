"""The rows of a batch between two decoding steps, kept in cohorts that share their prompts' keys.

A cohort is rows that started together, so that they are all at the same step: no mask among their
own tokens, one position bias for all of them, and each writes the same column of its cache. The
keys and values of a prompt are kept once, whatever the number of its draws:

    encoder-decoder   own tokens: self-attention        prompt: cross-attention
    decoder-only      own tokens and prompt: one softmax over both

The linear layers see all cohorts as one batch; only attention is taken cohort by cohort. It comes
in through transformers' attention interface, so the forward is the model's own. Caches are filled
in place, and a row that leaves has its place taken by the last one: nothing else is copied.

Left out: models whose attention has state of another kind (recurrent, sinks), or whose positions
are not handed in: they are refused with the name of the engine that takes
them.
"""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, DynamicCache, EncoderDecoderCache
from transformers.cache_utils import CacheLayerMixin
from transformers.modeling_outputs import BaseModelOutput

from rsft.errors import EngineError
from rsft.policy.loading import Policy
from rsft.policy.logprobs import pad

_ATTENTION = "rsft_cohorts"
_FIRST_COLUMNS = 8
_PREFILL_TOKENS = 8192
"""Prompt tokens read by one forward: what bounds its activations."""

KeyValue = tuple[Tensor, Tensor]


class Cohort:
    """Rows that started together, and the prompts that they share."""

    def __init__(self, prompts: list[KeyValue], own: list[KeyValue], is_prompt_PS: Tensor) -> None:
        """Takes over what reading P prompts gave.

        Each prompt is one row until ``spread`` gives it its draws; then it can join a batch.

        Args:
            prompts: Per layer, keys and values of the prompts, (P, heads, S, width).
            own: Per layer, those of the tokens that each row has written, (P, heads, T, width);
                T is 1 for encoder-decoders, which start with a token, else 0.
            is_prompt_PS: False on padding.
        """
        self._prompts = prompts
        self._own = own
        self.columns = self.most_columns = own[0][0].shape[2]
        self._is_prompt_PS = None if bool(is_prompt_PS.all()) else is_prompt_PS
        self._length_P = is_prompt_PS.sum(dim=1)
        self._prompt_N = torch.arange(len(is_prompt_PS), device=is_prompt_PS.device)
        self._place()

    @property
    def rows(self) -> int:
        """Rows that are still decoding."""
        return len(self._prompt_N)

    @property
    def prompts(self) -> int:
        """Prompts whose keys and values are held."""
        return len(self._length_P)

    def positions(self) -> Tensor:
        """Position of each row's newest token, (N,), where prompt and completion are one text."""
        return self._length_P[self._prompt_N] + self.columns - 1

    def spread(self, prompt_N: Tensor, columns: int) -> None:
        """Makes the rows: one for each entry, which names its prompt.

        Args:
            prompt_N: Index of each row's prompt.
            columns: Tokens that a row may write.
        """
        first = min(_FIRST_COLUMNS, columns) + self.columns
        self.most_columns = columns + self.columns
        self._own = [
            (_grown(keys[prompt_N], first), _grown(values[prompt_N], first))
            for keys, values in self._own
        ]
        self._prompt_N = prompt_N
        self._place()

    def keep(self, kept_N: Tensor) -> Tensor:
        """Drops all rows but some.

        Args:
            kept_N: Indices of the rows that stay, ascending.

        Returns:
            The same indices in the order that the rows have from now on.
        """
        count = len(kept_N)
        is_low = kept_N < count
        is_hole = torch.ones(count, dtype=torch.bool, device=kept_N.device)
        is_hole[kept_N[is_low]] = False
        holes, movers = is_hole.nonzero().squeeze(1), kept_N[~is_low]
        for keys, values in self._own:
            keys[holes, :, : self.columns] = keys[movers, :, : self.columns]
            values[holes, :, : self.columns] = values[movers, :, : self.columns]
        order = torch.arange(count, device=kept_N.device)
        order[holes] = movers
        self._prompt_N = self._prompt_N[order]
        if count:
            self._drop_prompts()
            self._place()
        return order

    def _drop_prompts(self) -> None:
        """Forgets the prompts that no row needs, once they are half of all."""
        needed = torch.unique(self._prompt_N)
        if 2 * len(needed) > len(self._length_P):
            return
        self._prompts = [(keys[needed], values[needed]) for keys, values in self._prompts]
        self._own = [(_trimmed(keys, self.rows), _trimmed(values, self.rows))
                     for keys, values in self._own]  # fmt: skip
        if self._is_prompt_PS is not None:
            self._is_prompt_PS = self._is_prompt_PS[needed]
        self._length_P = self._length_P[needed]
        self._prompt_N = torch.searchsorted(needed, self._prompt_N)

    def _place(self) -> None:
        """Gives each row its place in a grid of prompts × draws, which the shared keys multiply."""
        count_P = self._prompt_N.bincount(minlength=len(self._length_P))
        order = self._prompt_N.argsort(stable=True)
        first_P = count_P.cumsum(0) - count_P
        rank_N = torch.empty_like(order)
        rank_N[order] = torch.arange(len(order), device=order.device)
        self._width = int(count_P.max())
        self._place_N = self._prompt_N * self._width + rank_N - first_P[self._prompt_N]

    def open_column(self) -> None:
        """Makes room for the token that each row is about to write."""
        room = self._own[0][0].shape[2]
        if self.columns == room:
            room = min(2 * room, self.most_columns)
            self._own = [
                (_grown(keys[: self.rows], room), _grown(values[: self.rows], room))
                for keys, values in self._own
            ]
        self.columns += 1

    def write(self, layer: int, key_NH1D: Tensor, value_NH1D: Tensor) -> None:
        """Writes the newest column of a layer."""
        keys, values = self._own[layer]
        keys[: self.rows, :, self.columns - 1] = key_NH1D[:, :, 0]
        values[: self.rows, :, self.columns - 1] = value_NH1D[:, :, 0]

    def attend_prompt(self, layer: int, query_NH1D: Tensor, scale: float) -> Tensor:
        """Cross-attention: from each row to its prompt alone. Returns (N, 1, heads, width)."""
        keys, values = self._prompts[layer]
        heads, width = query_NH1D.shape[1], query_NH1D.shape[3]
        mask = None if self._is_prompt_PS is None else self._is_prompt_PS[:, None, None, :]
        grid = self._to_grid(query_NH1D[:, :, 0]).transpose(1, 2)
        seen = scaled_dot_product_attention(grid, keys, values, attn_mask=mask, scale=scale)
        return seen.transpose(1, 2).reshape(-1, heads, width)[self._place_N][:, None]

    def attend_own(
        self, layer: int, query_NH1D: Tensor, scale: float, bias_H1T: Tensor | None
    ) -> Tensor:
        """Self-attention of a decoder that has its prompt elsewhere. Returns (N, 1, heads, width).

        ``bias_H1T`` is that of the last columns, of which those in use are taken.
        """
        keys, values = (part[: self.rows, :, : self.columns] for part in self._own[layer])
        score_NH1T = torch.matmul(query_NH1D, keys.transpose(2, 3)).float() * scale
        if bias_H1T is not None:
            score_NH1T += bias_H1T[..., -self.columns :]
        weight_NH1T = score_NH1T.softmax(dim=3).to(values.dtype)
        return torch.matmul(weight_NH1T, values).transpose(1, 2)

    def attend_both(
        self,
        layer: int,
        query_NH1D: Tensor,
        scale: float,
        softcap: float | None,
        window: int | None,
    ) -> Tensor:
        """Attention to prompt and own tokens in one softmax. Returns (N, 1, heads, width).

        Args:
            layer: The layer.
            query_NH1D: Queries; a group of heads shares one of the keys' heads.
            scale: What scores are multiplied by.
            softcap: Scores are squeezed into so much, where set.
            window: Only so many tokens back are seen, where set.
        """
        prompt_keys, prompt_values = self._prompts[layer]
        own_keys, own_values = (part[: self.rows, :, : self.columns] for part in self._own[layer])
        is_prompt_PS = self._is_prompt_PS
        if window is not None:
            # Prompts are padded on the left, so the same columns are out of sight for all rows.
            first = max(0, prompt_keys.shape[2] + self.columns - window)
            prompt_keys, prompt_values = prompt_keys[:, :, first:], prompt_values[:, :, first:]
            is_prompt_PS = None if is_prompt_PS is None else is_prompt_PS[:, first:]
            own_first = max(0, self.columns - window)
            own_keys, own_values = own_keys[:, :, own_first:], own_values[:, :, own_first:]
        key_heads, width = own_keys.shape[1], own_keys.shape[3]
        query_NHGD = query_NH1D.reshape(self.rows, key_heads, -1, width)
        group = query_NHGD.shape[2]
        grid = self._to_grid(query_NHGD).transpose(1, 2).flatten(2, 3)
        score_grid = torch.matmul(grid, prompt_keys.transpose(2, 3)).float() * scale
        own_score = torch.matmul(query_NHGD, own_keys.transpose(2, 3)).float() * scale
        score = torch.cat([self._from_grid(score_grid, group), own_score], dim=3)
        if softcap is not None:
            score = (score / softcap).tanh_().mul_(softcap)
        columns = prompt_keys.shape[2]
        if is_prompt_PS is not None:
            hidden = ~is_prompt_PS[self._prompt_N][:, None, None, :]
            score[..., :columns].masked_fill_(hidden, -torch.inf)
        weight = score.softmax(dim=3).to(own_values.dtype)
        weight_grid = self._to_grid(weight[..., :columns]).transpose(1, 2).flatten(2, 3)
        seen = self._from_grid(torch.matmul(weight_grid, prompt_values), group)
        seen = seen + torch.matmul(weight[..., columns:], own_values)
        return seen.reshape(self.rows, 1, -1, width)

    def _to_grid(self, value_N: Tensor) -> Tensor:
        """(N, …) by row as (P, draws, …) by prompt, anything where a prompt has no such row."""
        prompts = len(self._length_P)
        grid = value_N.new_empty((prompts * self._width, *value_N.shape[1:]))
        grid[self._place_N] = value_N
        return grid.view(prompts, self._width, *value_N.shape[1:])

    def _from_grid(self, grid: Tensor, group: int) -> Tensor:
        """(P, heads, draws × group, …) as (N, heads, group, …)."""
        prompts, heads, _, width = grid.shape
        apart = grid.view(prompts, heads, self._width, group, width).transpose(1, 2)
        return apart.flatten(0, 1)[self._place_N]


class Batch:
    """The cohorts that are decoding, as one batch for the model's forward."""

    def __init__(self, policy: Policy) -> None:
        """Prepares a policy's model.

        Raises:
            EngineError: Where its architecture is not one that can be decoded here.
        """
        model = policy.model
        config = model.config.get_text_config(decoder=True)
        kinds = set(getattr(config, "layer_types", None) or ())
        if kinds - {"full_attention", "sliding_attention"}:
            raise _unknown(policy, f"its layers are {', '.join(sorted(kinds))}")
        self.cohorts: list[Cohort] = []
        self._policy = policy
        self._layers = int(config.num_hidden_layers)
        self._bias: dict[int, Tensor] = {}
        self._last_bias: Tensor | None = None
        self._calls = 0
        self._marker = torch.empty((1, 1, 1, 1), device=model.device, dtype=model.dtype)
        self._usual = model.config._attn_implementation

    def __enter__(self) -> Self:
        self._policy.model.set_attn_implementation(_ATTENTION)
        return self

    def __exit__(self, *raised: object) -> None:
        self._policy.model.set_attn_implementation(self._usual)

    @property
    def rows(self) -> int:
        """Rows of all cohorts."""
        return sum(cohort.rows for cohort in self.cohorts)

    @property
    def prompts(self) -> int:
        """Prompts whose keys and values are held."""
        return sum(cohort.prompts for cohort in self.cohorts)

    @property
    def mixes_steps(self) -> bool:
        """Whether rows at different steps can share a forward.

        Decoder-only models are told positions row by row and T5's are relative; other
        encoder-decoders count one position for the whole batch.
        """
        config = self._policy.model.config
        return not config.is_encoder_decoder or hasattr(config, "relative_attention_num_buckets")

    def keep(self, kept_N: Tensor) -> Tensor:
        """Drops all rows but some; see ``Cohort.keep``. A cohort without rows is gone."""
        order, start = [], 0
        for cohort in self.cohorts:
            end = start + cohort.rows
            within = kept_N[(kept_N >= start) & (kept_N < end)] - start
            order.append((within if len(within) == cohort.rows else cohort.keep(within)) + start)
            start = end
        self.cohorts = [cohort for cohort in self.cohorts if cohort.rows]
        return torch.cat(order)

    def forward(self, token_N: Tensor) -> Tensor:
        """Appends a token to each row, in the cohorts' order; returns (N, V) logits in float32."""
        for cohort in self.cohorts:
            cohort.open_column()
        self._calls = 0
        model = self._policy.model
        own = _given_caches(self._layers, self.cohorts[0].columns - 1, self._marker)
        if self._policy.is_encoder_decoder:
            caches = EncoderDecoderCache(own, _given_caches(self._layers, 1, self._marker))
            inputs = {
                "decoder_input_ids": token_N[:, None],
                "encoder_outputs": BaseModelOutput(last_hidden_state=self._marker[0]),
                "past_key_values": caches,
            }
        else:
            positions = torch.cat([cohort.positions() for cohort in self.cohorts])
            inputs = {
                "input_ids": token_N[:, None],
                "position_ids": positions[:, None],
                "past_key_values": own,
            }
        logits: Tensor = model(**inputs, use_cache=True, cohorts=self).logits
        if self._calls != self._layers * (2 if self._policy.is_encoder_decoder else 1):
            raise _unknown(self._policy, "its attention does not come through the interface")
        return logits[:, -1].float()

    def attend(
        self,
        module: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scale: float,
        position_bias: Tensor | None,
        softcap: float | None,
        window: int | None,
    ) -> Tensor:
        """Attention of one layer, cohort by cohort."""
        self._calls += 1
        layer = module.layer_idx
        rows = [cohort.rows for cohort in self.cohorts]
        queries = torch.split(query, rows)
        if key is self._marker:
            parts = [
                cohort.attend_prompt(layer, part, scale)
                for cohort, part in zip(self.cohorts, queries, strict=True)
            ]
            return torch.cat(parts) if len(parts) > 1 else parts[0]
        bias = None if position_bias is None else self._bias_of(module)
        parts = []
        for cohort, part, keys, values in zip(
            self.cohorts, queries, torch.split(key, rows), torch.split(value, rows), strict=True
        ):
            cohort.write(layer, keys, values)
            if self._policy.is_encoder_decoder:
                parts.append(cohort.attend_own(layer, part, scale, bias))
            else:
                parts.append(cohort.attend_both(layer, part, scale, softcap, window))
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _bias_of(self, module: Any) -> Tensor:
        """T5's position bias by distance, the nearest last: it is the same at every step."""
        if module.has_relative_attention_bias:
            columns = max(cohort.most_columns for cohort in self.cohorts)
            known = self._bias.get(module.layer_idx)
            if known is None or known.shape[-1] < columns:
                known = module.compute_bias(1, columns, past_seen_tokens=columns - 1)[0].float()
                self._bias[module.layer_idx] = known
            self._last_bias = known
        assert self._last_bias is not None
        return self._last_bias

    def read(self, prompt_ids: Sequence[Sequence[int]]) -> tuple[Tensor, Cohort]:
        """Reads prompts; the cohort has one row for each and is not among the batch's yet.

        Returns:
            (P, V) logits in float32 of the first token of the completions, and the cohort.
        """
        longest = max(len(ids) for ids in prompt_ids)
        size = max(1, _PREFILL_TOKENS // longest)
        chunks = [
            self._read_chunk(prompt_ids[start : start + size], longest)
            for start in range(0, len(prompt_ids), size)
        ]
        if len(chunks) == 1:
            logits, prompts, own, mask = chunks[0]
        else:
            logits = torch.cat([chunk[0] for chunk in chunks])
            prompts, own = (
                [
                    (
                        torch.cat([chunk[part][layer][0] for chunk in chunks]),
                        torch.cat([chunk[part][layer][1] for chunk in chunks]),
                    )
                    for layer in range(self._layers)
                ]
                for part in (1, 2)
            )
            mask = torch.cat([chunk[3] for chunk in chunks])
        return logits, Cohort(prompts, own, mask)

    def _read_chunk(
        self, prompt_ids: Sequence[Sequence[int]], longest: int
    ) -> tuple[Tensor, list[KeyValue], list[KeyValue], Tensor]:
        policy, model = self._policy, self._policy.model
        left = not policy.is_encoder_decoder
        rows = [[*ids] for ids in prompt_ids]
        input_ids = pad(rows, policy.pad_id, left=left, width=longest).to(model.device)
        mask = pad([[1] * len(ids) for ids in rows], 0, left=left, width=longest).to(model.device)
        model.set_attn_implementation(self._usual)
        try:
            if policy.is_encoder_decoder:
                cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
                begin = mask.new_full((len(mask), 1), model.config.decoder_start_token_id)
                logits = model(
                    input_ids=input_ids,
                    attention_mask=mask,
                    decoder_input_ids=begin,
                    past_key_values=cache,
                    use_cache=True,
                ).logits
                prompts = _key_values(cache.cross_attention_cache)
                own = _key_values(cache.self_attention_cache)
            else:
                # A plain cache: one made for the config forgets what left a sliding window.
                cache = DynamicCache()
                logits = model(
                    input_ids=input_ids,
                    attention_mask=mask,
                    position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                ).logits
                prompts = _key_values(cache)
                own = [(keys[:, :, :0], values[:, :, :0]) for keys, values in prompts]
        finally:
            model.set_attn_implementation(_ATTENTION)
        return logits[:, -1].float(), prompts, own, mask.bool()


class _Given(CacheLayerMixin):  # type: ignore[misc]  # transformers is untyped
    """A layer's cache as the forward sees it: cohorts keep the real one."""

    def __init__(self, columns: int, marker: Tensor) -> None:
        super().__init__()
        self.keys = self.values = marker
        self._columns = columns

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """There is nothing to make."""

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> KeyValue:
        """Hands on what the attention then writes."""
        return key_states, value_states

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns that a mask would cover; none is made."""
        return self._columns + query_length, 0

    def get_seq_length(self) -> int:
        """Columns written before this step."""
        return self._columns

    def get_max_length(self) -> int:
        """No maximum."""
        return -1


def _given_caches(layers: int, columns: int, marker: Tensor) -> DynamicCache:
    cache = DynamicCache()
    cache.layers = [_Given(columns, marker) for _ in range(layers)]
    return cache


def _cohort_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    position_bias: Tensor | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    cohorts: Batch | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What transformers calls in place of its own attention."""
    if cohorts is None:
        raise EngineError(_UNKNOWN.format(type(module).__name__, "its layers take nothing in"))
    if others.get("s_aux") is not None:
        raise EngineError(_UNKNOWN.format(type(module).__name__, "it has attention sinks"))
    seen = cohorts.attend(
        module,
        query,
        key,
        value,
        scale=query.shape[-1] ** -0.5 if scaling is None else scaling,
        position_bias=position_bias,
        softcap=softcap,
        window=sliding_window,
    )
    return seen, None


AttentionInterface.register(_ATTENTION, _cohort_attention)

_UNKNOWN = "{} cannot be decoded by the native engine: {}; set generate.engine to 'transformers'"


def _unknown(policy: Policy, why: str) -> EngineError:
    return EngineError(_UNKNOWN.format(type(policy.model).__name__, why))


def _key_values(cache: DynamicCache) -> list[KeyValue]:
    return [(layer.keys, layer.values) for layer in cache.layers]


def _grown(part: Tensor, columns: int) -> Tensor:
    """A copy with room for so many columns."""
    rows, heads, used, width = part.shape
    grown = part.new_empty((rows, heads, columns, width))
    grown[:, :, :used] = part
    return grown


def _trimmed(part: Tensor, rows: int) -> Tensor:
    """A copy of the first rows, so that the memory of the others is free."""
    return part[:rows].clone()
