"""One tiny untrained model of each family that the native engine is to decode."""

from functools import cache

import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MT5Config,
    MT5ForConditionalGeneration,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from rsft.config import RenderingSection
from rsft.policy import Policy
from tests.conftest import build_llama

_SIZE = len(build_llama(RenderingSection()).tokenizer)
_ENDS = {"vocab_size": _SIZE, "eos_token_id": 2, "pad_token_id": 0}
_T5 = _ENDS | {"d_model": 8, "d_ff": 16, "d_kv": 4, "num_layers": 2, "num_heads": 2,
               "decoder_start_token_id": 0}  # fmt: skip
_CAUSAL = _ENDS | {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3,
                   "num_attention_heads": 4, "num_key_value_heads": 2,
                   "max_position_embeddings": 64, "bos_token_id": 1}  # fmt: skip
_BART = _ENDS | {"d_model": 8, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "encoder_layers": 2,
                 "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
                 "max_position_embeddings": 64, "bos_token_id": 1, "decoder_start_token_id": 2,
                 "forced_eos_token_id": None}  # fmt: skip
_WIDE = {"head_dim": 4}
_FAMILIES = {
    "t5": (T5ForConditionalGeneration, T5Config, _T5),
    "flan_t5": (
        T5ForConditionalGeneration,
        T5Config,
        _T5 | {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
    "mt5": (MT5ForConditionalGeneration, MT5Config, _T5),
    "umt5": (UMT5ForConditionalGeneration, UMT5Config, _T5),
    "bart": (BartForConditionalGeneration, BartConfig, _BART),
    "llama": (LlamaForCausalLM, LlamaConfig, _CAUSAL),
    "mistral_window": (MistralForCausalLM, MistralConfig, _CAUSAL | {"sliding_window": 5}),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, _CAUSAL),
    "qwen2_window": (
        Qwen2ForCausalLM,
        Qwen2Config,
        _CAUSAL | {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    ),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, _CAUSAL | _WIDE),
    "gemma": (GemmaForCausalLM, GemmaConfig, _CAUSAL | _WIDE),
    "gemma2_softcap": (
        Gemma2ForCausalLM,
        Gemma2Config,
        _CAUSAL | _WIDE | {"sliding_window": 4, "attn_logit_softcapping": 5.0},
    ),
    "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig, _CAUSAL | _WIDE | {"sliding_window": 4}),
    "gpt2": (
        GPT2LMHeadModel,
        GPT2Config,
        _ENDS | {"n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 64, "bos_token_id": 1},
    ),
    "gpt_neox": (
        GPTNeoXForCausalLM,
        GPTNeoXConfig,
        _ENDS | {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2,
                 "num_attention_heads": 2, "max_position_embeddings": 64},
    ),
    "phi3": (Phi3ForCausalLM, Phi3Config, _CAUSAL),
}  # fmt: skip
FAMILIES = list(_FAMILIES)


@cache
def build(name: str) -> Policy:
    """A policy of the family over the words of ``tests.conftest``."""
    model_class, config_class, settings = _FAMILIES[name]
    like = build_llama(RenderingSection(number_slots=True))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class(config_class(**settings)).eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.5)
    return Policy(model=model, tokenizer=like.tokenizer, rendering=like.rendering)
