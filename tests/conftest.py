"""Policies small enough to enumerate, shared by the tests that need a model."""

import dvc  # noqa: F401  # it logs to the output of its import, which a test of a command would close
import pytest
import torch
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rsft.config import RenderingSection, ScratchSection, TrainingSection
from rsft.policy import Policy, build_scratch
from tests.wire.fake import fake as fake

WORDS = "ann has n0 pens and buys n1 more + = r0 ;"


@pytest.fixture(scope="session")
def tiny_t5() -> Policy:
    """An untrained T5 over a dozen words, 8 wide; copy it before training it."""
    training = TrainingSection(steps=1, batch_size=1, learning_rate=1e-3)
    section = ScratchSection(
        d_model=8, d_ff=16, layers=2, heads=2, dropout=0.0, vocabulary=32, training=training
    )
    return build_scratch(section, RenderingSection(number_slots=True), [WORDS], [WORDS], seed=0)


@pytest.fixture(scope="session")
def tiny_llama() -> Policy:
    """An untrained Llama over the same words, with a BOS and without a padding token."""
    return build_llama(RenderingSection(number_slots=True))


def build_llama(rendering: RenderingSection) -> Policy:
    """The tiny Llama, under a rendering."""
    words = ["<unk>", "<s>", "</s>", *WORDS.split()]
    backend = Tokenizer(WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        initializer_range=0.5,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config).eval()
    return Policy(model=model, tokenizer=tokenizer, rendering=rendering)
