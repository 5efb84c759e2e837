"""One tiny untrained classifier of each kind, with a tokenizer made here."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import (
    BartConfig,
    BartForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5ForSequenceClassification,
)

from rsft.policy import Classifier

SPECIALS = ["<pad>", "<s>", "</s>", "<unk>", "<sep>", "<end>"]
_TEXT = "ann has four five pens and buys more hi bye user assistant system ?"
WORDS = [*SPECIALS, *_TEXT.split()]
PAD, BOS, EOS, _, SEP, END = range(6)
CHAT = "{{ bos_token }}{% for m in messages %} {{ m['role'] }} {{ m['content'] }} <end>{% endfor %}"

_CAUSAL = {
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
}
_BERT = {
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
_BART = {
    "d_model": 8,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
}
_GPT2 = {"n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 64}
_T5 = {"d_model": 8, "d_ff": 16, "d_kv": 4, "num_layers": 2, "num_heads": 2}
_KINDS = {
    "bert": (BertForSequenceClassification, BertConfig, _BERT | {"pad_token_id": PAD}),
    "roberta": (
        RobertaForSequenceClassification,
        RobertaConfig,
        _BERT | {"pad_token_id": PAD, "max_position_embeddings": 65, "type_vocab_size": 1},
    ),
    "gpt2_without_padding": (GPT2ForSequenceClassification, GPT2Config, _GPT2),
    "llama_without_padding": (LlamaForSequenceClassification, LlamaConfig, _CAUSAL),
    "llama_padding_is_minus_one": (
        LlamaForSequenceClassification,
        LlamaConfig,
        _CAUSAL | {"pad_token_id": -1},
    ),
    "qwen2_padding_is_the_end": (
        Qwen2ForSequenceClassification,
        Qwen2Config,
        _CAUSAL | {"pad_token_id": END},
    ),
    "t5": (T5ForSequenceClassification, T5Config, _T5 | {"decoder_start_token_id": PAD}),
    "t5_padding_is_eos": (
        T5ForSequenceClassification,
        T5Config,
        _T5 | {"decoder_start_token_id": PAD, "pad_token_id": EOS},
    ),
    "bart": (BartForSequenceClassification, BartConfig, _BART | {"pad_token_id": PAD}),
}
KINDS = list(_KINDS)


def build_tokenizer(single: str, pair: str | None = None, **named: str) -> PreTrainedTokenizerFast:
    """A word-level tokenizer with a post-processor, such as ``<s> $A``."""
    backend = Tokenizer(WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    specials = [(word, number) for number, word in enumerate(SPECIALS)]
    backend.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=specials
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",
        eos_token="</s>",
        additional_special_tokens=["<end>"],
        **named,
    )


def build(
    kind: str, tokenizer: PreTrainedTokenizerFast | None = None, **more: object
) -> Classifier:
    """A classifier of a kind; by default, its tokenizer ends a text with EOS."""
    model_class, config_class, settings = _KINDS[kind]
    ends = {"vocab_size": len(WORDS), "bos_token_id": BOS, "eos_token_id": EOS, "num_labels": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class(config_class(**(ends | settings | more))).eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.5)
    return Classifier(model=model, tokenizer=tokenizer or build_tokenizer("$A </s>"))


def save(classifier: Classifier, folder: Path) -> None:
    """Writes its folder."""
    classifier.model.save_pretrained(folder)
    classifier.tokenizer.save_pretrained(folder)
