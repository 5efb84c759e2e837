"""The native engine against ``model.generate`` and CTranslate2, and against the machine's limit.

    python -m benchmarks.generation [--json] [--pairs N] [--shapes t5-small] [--prompts 16]

All draw K = 16 completions per prompt at temperature 1 from the same random weights. So that
completions end as real ones do, one token in twelve is a stop token and the logits are near
uniform: lengths are near geometric with mean 12, and the cap is 64. The engines take turns, and a
ratio is the median over the turns of ours over theirs in that turn: the machine's speed drifts.
``generate`` and CTranslate2 give no log-probabilities here; the native engine takes both.

The limit is the time that the matrix products of the decoder's linear layers, and the encoder's
or prefill's, take for the same tokens at the batch's full width: what no loop over this model can
beat. CTranslate2 (``pip install ctranslate2``) knows T5 only, and has no bfloat16 on most CPUs:
its int8 stands beside our bfloat16. With ``--json`` the last line is one JSON document.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from transformers import (
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.utils import logging as transformers_logging

from rsft.config import RenderingSection, ScratchSection, TrainingSection
from rsft.generate import NativeEngine, Request, SamplingLaw
from rsft.policy import Policy, build_scratch, encode_prompts, rows_within
from rsft.types import Prompt

LAW = SamplingLaw(max_new_tokens=64)
DRAWS = 16
MEMORY_GIB = 4.0
MAX_ROWS = 1024
T5_VOCABULARY = 32128


def main() -> None:
    """Prints one line per shape and precision, and with ``--json`` everything as a document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON document")
    parser.add_argument("--pairs", type=int, default=3, help="turns that the engines take")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--prompts", type=int, nargs="+", default=[16, 64])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(
        f"{'shape':16}{'precision':11}{'prompts':>7}  candidates/s: native, generate, CTranslate2"
        "   × generate  × CTranslate2  share of limit"
    )
    results = []
    for name in arguments.shapes:
        make, words = SHAPES[name]
        for dtype in (torch.float32, torch.bfloat16):
            policy = make()
            rival = (
                CTranslate2.of(policy, dtype) if name == "t5-small" and device == "cpu" else None
            )
            policy.model.to(device=device, dtype=dtype)
            for count in arguments.prompts:
                asked = prompts(count, words)
                result = compare(policy, asked, rival, arguments.pairs)
                result |= {"shape": name, "precision": str(dtype).removeprefix("torch.")}
                results.append(result)
                print(line(result), flush=True)
    if arguments.json:
        print(json.dumps({"device": device, "threads": arguments.threads, "results": results}))


def compare(
    policy: Policy, asked: list[Prompt], rival: "CTranslate2 | None", pairs: int
) -> dict[str, Any]:
    """Times the engines in turns on the same prompts."""
    engine = NativeEngine(policy, "benchmark", memory_gib=MEMORY_GIB, max_rows=MAX_ROWS)
    engines: dict[str, Callable[[], int]] = {"native": lambda: native(engine, asked)}
    if rival is not None:  # in the middle: its threads spin for a while after their work
        engines["ctranslate2"] = lambda: rival.draw(asked)
    engines["generate"] = lambda: generate(policy, asked)
    native(engine, asked[:2])  # proves the decoding too, which it does once
    speeds: dict[str, list[float]] = {name: [] for name in engines}
    shares = []
    for _ in range(pairs):
        for name, draw in engines.items():
            started = time.perf_counter()
            tokens = draw()
            seconds = time.perf_counter() - started
            speeds[name].append(len(asked) * DRAWS / seconds)
            if name == "native":
                shares.append(limit_seconds(policy, asked, tokens) / seconds)
    ours = speeds["native"]

    def ratio(name: str) -> float | None:
        if name not in speeds:
            return None
        return median(own / other for own, other in zip(ours, speeds[name], strict=True))

    return {
        "prompts": len(asked),
        "draws": DRAWS,
        "candidates_per_second": {name: median(values) for name, values in speeds.items()},
        "ratio_to_generate": ratio("generate"),
        "ratio_to_ctranslate2": ratio("ctranslate2"),
        "ctranslate2_compute_type": rival.compute_type if rival else None,
        "share_of_limit": median(shares),
    }


def line(result: dict[str, Any]) -> str:
    """One row of the table."""
    speed = result["candidates_per_second"]
    theirs = f"{speed['ctranslate2']:12.1f}" if "ctranslate2" in speed else f"{'–':>12}"
    beside = result["ratio_to_ctranslate2"]
    return (
        f"{result['shape']:16}{result['precision']:11}{result['prompts']:7}"
        f"{speed['native']:22.1f}{speed['generate']:10.1f}{theirs}"
        f"{result['ratio_to_generate']:12.1f}"
        + (f"{beside:15.2f}" if beside is not None else f"{'–':>15}")
        + f"{result['share_of_limit']:16.0%}"
    )


def native(engine: NativeEngine, asked: Sequence[Prompt]) -> int:
    """Draws with the native engine; returns the tokens drawn."""
    requests = [Request(prompt=prompt, draws=range(DRAWS)) for prompt in asked]
    return sum(c.token_count or 0 for c in engine.draw(requests, LAW, seed=0, round=1))


def generate(policy: Policy, asked: Sequence[Prompt]) -> int:
    """Draws with ``model.generate`` and decodes, 256 rows at a time."""
    per_batch = 256 // DRAWS
    config = GenerationConfig(
        do_sample=True,
        top_k=0,
        top_p=1.0,
        num_return_sequences=DRAWS,
        max_new_tokens=LAW.max_new_tokens,
        eos_token_id=sorted(policy.eos_ids),
        pad_token_id=policy.pad_id,
        decoder_start_token_id=getattr(policy.model.config, "decoder_start_token_id", None),
    )
    tokens = 0
    for start in range(0, len(asked), per_batch):
        texts = [prompt.text for prompt in asked[start : start + per_batch]]
        ids = torch.tensor(encode_prompts(policy, texts), device=policy.model.device)
        drawn = policy.model.generate(
            ids, attention_mask=torch.ones_like(ids), generation_config=config
        )
        policy.tokenizer.batch_decode(drawn, skip_special_tokens=True)
        tokens += drawn.numel()
    return tokens


class CTranslate2:
    """The same T5 in CTranslate2, drawing by the same law: it takes a list of stop tokens."""

    def __init__(self, policy: Policy, compute_type: str) -> None:
        import ctranslate2
        from ctranslate2.converters import TransformersConverter

        self.compute_type = compute_type
        self._tokenizer = policy.tokenizer
        self._eos_ids = sorted(policy.eos_ids)
        transformers_logging.disable_progress_bar()
        with tempfile.TemporaryDirectory() as folder:
            policy.model.save_pretrained(folder)
            policy.tokenizer.save_pretrained(folder)
            converted = Path(folder) / "converted"
            TransformersConverter(folder).convert(str(converted))
            self._translator = ctranslate2.Translator(
                str(converted),
                device="cpu",
                compute_type=compute_type,
                inter_threads=1,
                intra_threads=torch.get_num_threads(),
            )

    @staticmethod
    def of(policy: Policy, dtype: torch.dtype) -> "CTranslate2 | None":
        """The engine where it is installed: float32, or int8 beside bfloat16."""
        try:
            return CTranslate2(policy, "float32" if dtype == torch.float32 else "int8")
        except ImportError:
            return None

    def draw(self, asked: Sequence[Prompt]) -> int:
        """Draws and decodes; returns the tokens drawn."""
        drawn = self._translator.translate_batch(
            [[*prompt.text.split(), "</s>"] for prompt in asked],
            beam_size=1,
            num_hypotheses=DRAWS,
            sampling_topk=0,
            max_decoding_length=LAW.max_new_tokens,
            end_token=self._eos_ids,
            return_end_token=True,
            max_batch_size=256,
        )
        hypotheses = [tokens for result in drawn for tokens in result.hypotheses]
        for tokens in hypotheses:
            self._tokenizer.convert_tokens_to_string(tokens)
        return sum(map(len, hypotheses))


def limit_seconds(policy: Policy, asked: Sequence[Prompt], tokens: int) -> float:
    """Seconds that the matrix products alone take: each token drawn, and each prompt once."""
    model = policy.model
    ids = encode_prompts(policy, [prompt.text for prompt in asked])
    read = sum(map(len, ids))
    rows = min(
        len(asked) * DRAWS,
        rows_within(policy, MEMORY_GIB, MAX_ROWS, ids, [DRAWS] * len(ids), LAW.max_new_tokens),
    )
    if policy.is_encoder_decoder:
        keys = [m for name, m in layers(model.decoder) if "EncDecAttention." in name
                and name.endswith((".k", ".v"))]  # fmt: skip
        own = [m for name, m in layers(model.decoder) if m not in keys]
        step = seconds_per_row([*own, model.lm_head], rows)
        prompt = seconds_per_row([*(m for _, m in layers(model.encoder)), *keys], min(read, 1024))
        return tokens * step + read * prompt
    body = [m for _, m in layers(model.transformer)]
    step = seconds_per_row([*body, model.lm_head], rows)
    return tokens * step + read * seconds_per_row(body, min(read, 1024))


def layers(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Its linear layers; GPT-2 writes them as ``Conv1D``."""
    return [
        (name, part)
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear) or type(part).__name__ == "Conv1D"
    ]


@torch.inference_mode()
def seconds_per_row(modules: Sequence[nn.Module], rows: int) -> float:
    """Time that one row takes in all of some layers, best of three."""
    weights: list[Any] = [module.weight for module in modules]
    inputs = [
        torch.randn(
            rows,
            weight.shape[1 if isinstance(module, nn.Linear) else 0],
            dtype=weight.dtype,
            device=weight.device,
        )
        for module, weight in zip(modules, weights, strict=True)
    ]
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for module, value in zip(modules, inputs, strict=True):
            module(value)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return best / rows


def demo_shape() -> Policy:
    """The embedded default's T5: 0.5M parameters, 800 words."""
    words = [" ".join(f"word{i}" for i in range(797))]
    training = TrainingSection(steps=1, batch_size=1, learning_rate=1e-3)
    section = ScratchSection(
        d_model=96, d_ff=256, layers=2, heads=4, vocabulary=800, training=training
    )
    return end_one_in_twelve(build_scratch(section, RenderingSection(), words, [], seed=0))


def t5_small_shape() -> Policy:
    """The shape of ``t5-small``: 60M parameters, 32,128 tokens."""
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(
        T5Config(vocab_size=T5_VOCABULARY, decoder_start_token_id=0)
    ).eval()
    return end_one_in_twelve(word_policy(model, T5_VOCABULARY))


def gpt2_shape() -> Policy:
    """The shape of ``gpt2``: 124M parameters, 50,257 tokens."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(bos_token_id=1, eos_token_id=1)).eval()
    return end_one_in_twelve(word_policy(model, 50257))


def word_policy(model: Any, size: int) -> Policy:
    """A model over made-up words, one a token."""
    words = [" ".join(f"word{i}" for i in range(size - 3))]
    training = TrainingSection(steps=1, batch_size=1, learning_rate=1e-3)
    section = ScratchSection(d_model=8, d_ff=8, layers=1, heads=1, vocabulary=size,
                             training=training)  # fmt: skip
    like = build_scratch(section, RenderingSection(), words, [], seed=0)
    assert len(like.tokenizer) == size
    return Policy(model=model, tokenizer=like.tokenizer, rendering=RenderingSection())


def end_one_in_twelve(policy: Policy) -> Policy:
    """Makes the next token near uniform, and one token in twelve a stop token."""
    with torch.no_grad():
        policy.model.get_input_embeddings().weight.mul_(0.1)
    size = policy.model.config.vocab_size
    policy.model.generation_config.eos_token_id = list(range(1, size, 12))
    return policy


def prompts(count: int, words: int) -> list[Prompt]:
    """Prompts of equal length, all different."""
    return [
        Prompt(
            prompt_id=f"p{p}",
            text=" ".join(f"word{(7 * p + 31 * w) % 797}" for w in range(words)),
            answers=(),
            solution=None,
            family="",
            source="",
            licence="unknown",
        )
        for p in range(count)
    ]


SHAPES: dict[str, tuple[Callable[[], Policy], int]] = {
    "demo": (demo_shape, 40),
    "t5-small": (t5_small_shape, 40),
    "gpt2-124M": (gpt2_shape, 100),
}
"""What makes a policy of each shape, and the words of a prompt."""


if __name__ == "__main__":
    main()
