"""The sampler against transformers' ``model.generate``: same model, prompts and law, in one run.

    python -m benchmarks.sampling [--pairs N]

Both draw K completions per prompt at temperature 1 from random weights. So that completions end
as real ones do, one token in twelve is a stop token: the logits are near uniform, hence lengths
are near geometric with mean 12. The two are timed in turns, pair by pair; the ratio is the median
over pairs. ``generate`` gives no log-probabilities in this setting; the sampler takes both.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from transformers import T5Config, T5ForConditionalGeneration

from rsft.config import RenderingSection, ScratchSection, TrainingSection
from rsft.generate import SamplingLaw, sample
from rsft.policy import Policy, build_scratch, encode_prompts, use_threads
from rsft.types import Prompt

LAW = SamplingLaw(max_new_tokens=64)
DRAWS = 8
WORDS_PER_PROMPT = 40


def demo_shape() -> Policy:
    """The embedded default's T5: 0.5M parameters, 800 words."""
    words = [" ".join(f"word{i}" for i in range(797))]
    training = TrainingSection(steps=1, batch_size=1, learning_rate=1e-3)
    section = ScratchSection(
        d_model=96, d_ff=256, layers=2, heads=4, vocabulary=800, training=training
    )
    return build_scratch(section, RenderingSection(), words, [], seed=0)


def t5_small_shape() -> Policy:
    """The shape of ``t5-small``: 60M parameters, 32,128 tokens."""
    tokenizer = demo_shape().tokenizer
    torch.manual_seed(0)
    config = T5Config(vocab_size=32128, decoder_start_token_id=0)
    model = T5ForConditionalGeneration(config).eval()
    return Policy(model=model, tokenizer=tokenizer, rendering=RenderingSection())


def end_one_in_twelve(policy: Policy) -> None:
    """Makes the next token near uniform, and one token in twelve a stop token."""
    with torch.no_grad():
        policy.model.get_input_embeddings().weight.mul_(0.1)
    size = policy.model.config.vocab_size
    policy.model.generation_config.eos_token_id = list(range(1, size, 12))


def prompts(count: int) -> list[Prompt]:
    """Prompts of like length, all different."""
    texts = [
        " ".join(f"word{(7 * p + 31 * w) % 797}" for w in range(WORDS_PER_PROMPT))
        for p in range(count)
    ]
    return [
        Prompt(
            prompt_id=f"p{p}",
            text=text,
            answer=None,
            solution=None,
            family="",
            source="",
            licence="unknown",
        )
        for p, text in enumerate(texts)
    ]


def ours(policy: Policy, asked: list[Prompt], batch: int) -> None:
    """Draws with the sampler."""
    sample(policy, asked, LAW, draws=DRAWS, seed=0, round=1, batch_prompts=batch)


def generate(policy: Policy, asked: list[Prompt], batch: int) -> None:
    """Draws with ``model.generate`` and decodes."""
    for start in range(0, len(asked), batch):
        ids = torch.tensor(encode_prompts(policy, [p.text for p in asked[start : start + batch]]))
        drawn = policy.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            top_k=0,
            num_return_sequences=DRAWS,
            max_new_tokens=LAW.max_new_tokens,
        )
        policy.tokenizer.batch_decode(drawn, skip_special_tokens=True)


def seconds(draw: Callable[[], None]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    draw()
    return time.perf_counter() - start


def main() -> None:
    """Prints candidates a second of both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    print("shape      prompts  ours/s  generate/s  ratio")
    for name, make, count, batch in (
        ("demo", demo_shape, 250, 64),
        ("t5-small", t5_small_shape, 32, 32),
    ):
        policy, asked = make(), prompts(count)
        end_one_in_twelve(policy)
        pairs = [
            (
                seconds(lambda: ours(policy, asked, batch)),  # noqa: B023
                seconds(lambda: generate(policy, asked, batch)),  # noqa: B023
            )
            for _ in range(arguments.pairs)
        ]
        rows = count * DRAWS
        ratio = median(theirs / own for own, theirs in pairs)
        own, theirs = (median(column) for column in zip(*pairs, strict=True))
        print(f"{name:10} {count:7} {rows / own:7.0f} {rows / theirs:11.1f} {ratio:6.1f}")


if __name__ == "__main__":
    main()
