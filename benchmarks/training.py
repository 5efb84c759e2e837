"""The training loop against transformers' ``Trainer``, on lengths as GSM8K has them.

    python -m benchmarks.training [--json] [--quick] [--turns 3] [--steps 8] [--rows-a-step 8]
                                  [--shapes t5-small] [--device cpu]

All learn the same rows for as many optimiser steps of eight rows (or so many), from the same random
weights: all weights, AdamW, clipping and a linear schedule, float32, without dropout, evaluation,
logging or saving; ``-bf16`` is the same with matrix products in bfloat16, by either's own setting.
Useful tokens are the completions', the stop token included: what is learnt, and neither prompt nor
padding. The peers:

    trainer   (Seq2Seq)Trainer with its defaults, which draws batches at random
    grouped   the same with ``train_sampling_strategy="group_by_length"``: its own sampler orders
              400 rows as it would, and every so-manieth of its batches is trained on, so that few
              steps show all lengths; the other engines get the same rows, shuffled

Every engine runs in a process of its own, whose peak of resident memory is told, on a GPU that of
the GPU's; the peers' knows nothing of this project (``benchmarks.training_peer``), whose import
changes how memory and threads are handled. They take turns, and a ratio is the median over the
turns of theirs over ours in that turn: the machine's speed drifts. The loss is also computed on one
batch of eight by both. Words are made up, one a token; lengths are those of GSM8K's training set,
counted in words and marks, where it lies in ``../shared/data``, else those of a lognormal law
fitted to it. With ``--json`` the last line is one JSON document.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration
from transformers.trainer_pt_utils import LengthGroupedSampler

from benchmarks.generation import T5_VOCABULARY, word_policy
from benchmarks.training_peer import ENGINES as PEERS
from benchmarks.training_peer import begin_on, peak_gib
from rsft.config import FinetuneSection
from rsft.finetune import train
from rsft.finetune.forward import target_logits
from rsft.finetune.loss import token_loss
from rsft.policy import (
    Policy,
    batch_inputs,
    encode_completions,
    encode_prompts,
    load_policy,
    save_policy,
)
from rsft.types import TrainingRow

ROOT = Path(__file__).parents[1]
GSM8K = ROOT.parent / "shared" / "data" / "gsm8k" / "train.jsonl"
BATCHES_SORTED = 50
"""Batches that the peers' grouping sorts at once."""
LOGNORMAL = ((3.895, 0.360), (4.507, 0.409), 0.541)
"""GSM8K's questions and answers: mean and deviation of the logarithm of each length, and their
correlation."""
LEARNING_RATE = 1e-4


def t5_small() -> Policy:
    """The shape of ``t5-small``: 60M parameters, 32,128 tokens."""
    config = T5Config(vocab_size=T5_VOCABULARY, decoder_start_token_id=0, dropout_rate=0.0)
    return word_policy(T5ForConditionalGeneration(config), T5_VOCABULARY)


def gpt2() -> Policy:
    """The shape of ``gpt2``: 124M parameters, 50,257 tokens."""
    config = GPT2Config(
        bos_token_id=1, eos_token_id=1, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0
    )
    return word_policy(GPT2LMHeadModel(config), 50257)


SHAPES: dict[str, Callable[[], Policy]] = {"t5-small": t5_small, "gpt2-124M": gpt2}
OURS = ("rsft", "rsft-bf16")
ENGINES = (*OURS, *PEERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Rows to learn in a number of steps."""

    rows: list[TrainingRow]
    """As many as the steps take, in the order of the peers' batches of like length."""
    prompt_ids: list[list[int]]
    """Their prompts."""
    completion_ids: list[list[int]]
    """Their completions, the stop token last."""

    @property
    def useful_tokens(self) -> int:
        """Tokens of all completions."""
        return sum(map(len, self.completion_ids))


def main() -> None:
    """Prints one line per shape and engine, and with ``--json`` everything as a document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON document")
    parser.add_argument("--quick", action="store_true", help="one turn of four steps")
    parser.add_argument("--turns", type=int, default=3, help="turns that the engines take")
    parser.add_argument("--steps", type=int, default=8, help="optimiser steps in a turn")
    parser.add_argument("--rows-a-step", type=int, default=8, help="by default the peers' default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--worker", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--precision", default="float32", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        torch.set_num_threads(arguments.threads)
        print(json.dumps(work(arguments)))
        return
    if arguments.quick:
        arguments.turns, arguments.steps = 1, 4
    over = "".join(f"{engine + ' over it':>20}" for engine in OURS)
    print(f"{'shape':11}{'engine':13}{'useful tokens/s':>16}{over}{'peak GiB':>10}")
    results = []
    for shape in arguments.shapes:
        with tempfile.TemporaryDirectory() as folder:
            results.append(compare(shape, Path(folder), arguments))
        print(table(results[-1]), flush=True)
    if arguments.json:
        lengths = "gsm8k" if GSM8K.exists() else "lognormal"
        print(json.dumps({"threads": arguments.threads, "lengths": lengths, "results": results}))


def compare(shape: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Has the engines take turns on one shape."""
    torch.manual_seed(0)
    policy = SHAPES[shape]()
    policy.model.eval()
    task = make_task(policy, arguments.steps, arguments.rows_a_step)
    save(policy, task, folder)
    turns: list[dict[str, dict[str, float]]] = []
    for turn in range(arguments.turns):
        order = ENGINES if turn % 2 == 0 else ENGINES[::-1]
        turns.append({engine: elsewhere(engine, folder, arguments) for engine in order})
    loss = {
        "rsft": own_loss(policy, task, arguments.rows_a_step),
        "trainer": elsewhere("loss", folder, arguments)["loss"],
    }
    seconds = {e: median(turn[e]["seconds"] for turn in turns) for e in ENGINES}
    return {
        "shape": shape,
        "rows_per_step": arguments.rows_a_step,
        "steps": arguments.steps,
        "useful_tokens": task.useful_tokens,
        "useful_tokens_per_second": {e: task.useful_tokens / seconds[e] for e in ENGINES},
        "ratio": {
            own: {
                peer: median(turn[peer]["seconds"] / turn[own]["seconds"] for turn in turns)
                for peer in PEERS
            }
            for own in OURS
        },
        "peak_gib": {engine: max(turn[engine]["peak_gib"] for turn in turns) for engine in ENGINES},
        "loss": loss,
        "loss_is_equal": math.isclose(loss["rsft"], loss["trainer"], rel_tol=1e-4),
    }


def table(result: dict[str, Any]) -> str:
    """The lines of one shape."""
    lines = []
    for engine in ENGINES:
        over = [result["ratio"][own].get(engine) for own in OURS]
        ratios = "".join(f"{'–':>20}" if ratio is None else f"{ratio:20.2f}" for ratio in over)
        lines.append(
            f"{result['shape']:11}{engine:13}{result['useful_tokens_per_second'][engine]:16.1f}"
            f"{ratios}{result['peak_gib'][engine]:10.2f}"
        )
    loss = result["loss"]
    lines.append(
        f"{result['shape']:11}loss of one batch: {loss['rsft']:.6f}, theirs {loss['trainer']:.6f}"
    )
    return "\n".join(lines)


def save(policy: Policy, task: Task, folder: Path) -> None:
    """Writes the model and the rows, as both kinds of worker read them."""
    save_policy(policy, folder)
    (folder / "rows.json").write_text(json.dumps(list(map(asdict, task.rows))))
    (folder / "features.json").write_text(json.dumps(features(policy, task)))


def elsewhere(engine: str, folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """What an engine does in a process of its own."""
    told = ("--threads", str(arguments.threads), "--device", arguments.device)
    rows = str(arguments.rows_a_step)
    if engine in OURS:
        precision = "bfloat16" if engine.endswith("-bf16") else "float32"
        settings = ("--rows-a-step", rows, "--precision", precision)
        module = ["benchmarks.training", "--worker", str(folder), *settings, *told]
    else:
        settings = ("--rows", rows, "--rate", str(LEARNING_RATE))
        module = ["benchmarks.training_peer", str(folder), engine, *settings, *told]
    # How long threads spin is this project's own setting, which would be handed down to the peers.
    environment = {key: value for key, value in os.environ.items() if key != "GOMP_SPINCOUNT"}
    shown = subprocess.check_output(
        [sys.executable, "-m", *module], cwd=ROOT, env=environment, text=True
    )
    result: dict[str, float] = json.loads(shown.splitlines()[-1])
    return result


def work(arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds and memory that our loop takes, the rows' tokens and its own set-up included."""
    folder = arguments.worker
    rows = [TrainingRow(**row) for row in json.loads((folder / "rows.json").read_text())]
    policy = load_policy(folder)
    begin_on(policy.model, arguments.device)
    section = FinetuneSection(
        steps=len(rows) // arguments.rows_a_step,
        batch_size=arguments.rows_a_step,
        learning_rate=LEARNING_RATE,
        mean="token",
        packing=True,
        precision=arguments.precision,
    )
    started = time.perf_counter()
    train(policy, rows, section, seed=0)
    return {"seconds": time.perf_counter() - started, "peak_gib": peak_gib()}


def features(policy: Policy, task: Task) -> list[dict[str, list[int]]]:
    """The rows as a ``Trainer`` has them."""
    rows = []
    for prompt, completion in zip(task.prompt_ids, task.completion_ids, strict=True):
        if policy.is_encoder_decoder:
            read, labels = prompt, completion
        else:
            read, labels = [*prompt, *completion], [*(-100 for _ in prompt), *completion]
        rows.append({"input_ids": read, "attention_mask": [1] * len(read), "labels": labels})
    return rows


@torch.no_grad()
def own_loss(policy: Policy, task: Task, rows: int) -> float:
    """Loss of the first batch, as our loop computes it."""
    prompts, completions = task.prompt_ids[:rows], task.completion_ids[:rows]
    logits_NV, target_N = target_logits(
        policy, policy.model, batch_inputs(policy, prompts, completions)
    )
    return float(token_loss(logits_NV, target_N).mean())


def make_task(policy: Policy, steps: int, rows_a_step: int) -> Task:
    """Rows of the peers' batches of like length: evenly many of the short and of the long."""
    generator = np.random.default_rng(0)
    texts = [
        [" ".join(f"word{w}" for w in generator.integers(0, 30_000, length)) for length in pair]
        for pair in lengths(generator, BATCHES_SORTED * rows_a_step)
    ]
    rows = [
        TrainingRow(
            prompt_id=f"p{number}",
            prompt=prompt,
            context=(),
            family="",
            completion=completion,
            weight=1.0,
            round=1,
            draw=0,
            source="",
            licence="unknown",
        )
        for number, (prompt, completion) in enumerate(texts)
    ]
    prompts = encode_prompts(policy, [row.prompt for row in rows])
    completions = encode_completions(policy, [row.completion for row in rows])
    features_length = [
        len(prompt) + (0 if policy.is_encoder_decoder else len(completion))
        for prompt, completion in zip(prompts, completions, strict=True)
    ]
    order = list(LengthGroupedSampler(rows_a_step, lengths=features_length, generator=_seeded()))
    starts = np.linspace(0, BATCHES_SORTED - 1, steps).round().astype(int) * rows_a_step
    picked = [order[start + place] for start in starts for place in range(rows_a_step)]
    return Task(
        rows=[rows[row] for row in picked],
        prompt_ids=[prompts[row] for row in picked],
        completion_ids=[completions[row] for row in picked],
    )


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def lengths(generator: np.random.Generator, rows: int) -> Sequence[tuple[int, int]]:
    """Words and marks of some questions and answers."""
    if not GSM8K.exists():
        (mean, deviation), (mean_2, deviation_2), correlation = LOGNORMAL
        across = correlation * deviation * deviation_2
        log_R2 = generator.multivariate_normal(
            [mean, mean_2], [[deviation**2, across], [across, deviation_2**2]], rows
        )
        return [(int(a), int(b)) for a, b in np.exp(log_R2).round().clip(4, 400)]
    lines = GSM8K.read_text(encoding="utf-8").splitlines()
    picked = generator.choice(len(lines), rows, replace=False)
    asked = [json.loads(lines[number]) for number in picked]
    return [
        (len(re.findall(r"\w+|[^\w\s]", row["question"])),
         len(re.findall(r"\w+|[^\w\s]", row["answer"])))
        for row in asked
    ]  # fmt: skip


if __name__ == "__main__":
    main()
