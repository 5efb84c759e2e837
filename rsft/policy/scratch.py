"""A small T5 made here, for prompts that no pretrained model is at hand for.

Transformers' own class with random weights, and a word-level tokenizer over the words of the
prompts and completions at hand: lower-cased, split at white space and around every punctuation
mark. Decoding joins words by a space, so a completion comes back exactly where it is written so:
``n0 + n1 = r0 ; r0 * n2 = r1``.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from rsft.config import RenderingSection, ScratchSection
from rsft.policy.loading import Policy
from rsft.policy.rendering import render

_PAD, _EOS, _UNK = "<pad>", "</s>", "<unk>"


def build_scratch(
    section: ScratchSection,
    rendering: RenderingSection,
    texts: Sequence[str],
    completions: Sequence[str],
    seed: int,
) -> Policy:
    """Makes an untrained policy.

    Args:
        section: Its size.
        rendering: How prompts will be rendered for it.
        texts: Prompt texts, before rendering, that its vocabulary is counted on.
        completions: Completions whose words must all be in the vocabulary.
        seed: Of the random weights.
    """
    tokenizer = _word_tokenizer(section.vocabulary, rendering, texts, completions)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=section.d_model,
        d_kv=section.d_model // section.heads,
        d_ff=section.d_ff,
        num_layers=section.layers,
        num_decoder_layers=section.layers,
        num_heads=section.heads,
        dropout_rate=section.dropout,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = T5ForConditionalGeneration(config).eval()
    return Policy(model=model, tokenizer=tokenizer, rendering=rendering)


def _word_tokenizer(
    size: int, rendering: RenderingSection, texts: Sequence[str], completions: Sequence[str]
) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(WordLevel({_UNK: 0}, unk_token=_UNK))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
    )
    bare = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    read = _words(tokenizer, (render(text, rendering, bare) for text in texts))
    written = _words(tokenizer, completions)
    words = [_PAD, _EOS, _UNK, *_by_frequency(written)]
    words += [word for word in _by_frequency(read) if word not in written][: size - len(words)]
    tokenizer.model = WordLevel({word: id_ for id_, word in enumerate(words)}, unk_token=_UNK)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {_EOS}", special_tokens=[(_EOS, words.index(_EOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=_PAD, eos_token=_EOS, unk_token=_UNK
    )


def _words(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[str]:
    return Counter(
        word
        for text in texts
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(
            tokenizer.normalizer.normalize_str(text)
        )
    )


def _by_frequency(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda word: (-counts[word], word))
