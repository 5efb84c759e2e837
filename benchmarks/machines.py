"""Stages ``generate`` and ``score`` on Ray: one worker against two, each of one kernel thread.

    python -m benchmarks.machines [--turns 3] [--prompts 2000]

A T5 of the demo's shape with random weights draws 8 completions of each prompt, in 40 parts, and a
reward model, a BERT of 0.8M parameters besides its words, scores them: by workers on this machine,
one and two in turns. What is compared is the rate (prompts drawn, candidates scored) once the first
part has come: starting Ray and loading the model is paid once however much there is to do, and is
shown beside it. The outputs must be the same bytes. The ratio is the median over the turns.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from benchmarks.scale import PARAMS, write_start
from rsft.config import Config, load_config, set_values
from rsft.stages import generate, score
from rsft.stages.command import StageFunction

PARTS = 40
WORKERS = (1, 2)
STAGES: dict[str, tuple[StageFunction, str]] = {
    "generate": (generate.run, "candidates"),
    "score": (score.run, "scored"),
}
"""What is run, and the folder that it writes."""
MODEL = Path("data/raw/reward")


def main() -> None:
    """Prints a line per run, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=2000)
    arguments = parser.parse_args()
    rates: dict[tuple[str, int], list[float]] = defaultdict(list)
    digests: dict[str, set[str]] = defaultdict(set)
    print("turn  stage      workers   until the first part   a second after it", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        config = prepare(arguments.prompts)
        for turn in range(1, arguments.turns + 1):
            for workers in WORKERS:
                for stage in STAGES:
                    start, rate, digest = measure(config, stage, workers)
                    rates[stage, workers].append(rate)
                    digests[stage].add(digest)
                    print(f"{turn:4}  {stage:9}{workers:9}{start:21.1f} s{rate:20.1f}", flush=True)
        os.chdir(PARAMS.parent)
    for stage in STAGES:
        one, two = (statistics.median(rates[stage, workers]) for workers in WORKERS)
        same = "the same bytes" if len(digests[stage]) == 1 else "DIFFERENT BYTES"
        print(f"{stage}: two workers are {two / one:.2f} times as fast as one; {same} each time")


def prepare(prompts: int) -> Config:
    """Writes a base, prompts and a reward model into the current folder."""
    shutil.copy(PARAMS, "params.yaml")
    settings = [
        "rounds=1",
        "runtime.threads=1",
        f"generate.part_prompts={-(-prompts // PARTS)}",
        "score.rewards={reward_model: 1}",
        f"score.reward_model={{model: {MODEL}}}",
    ]
    config = set_values(Path("params.yaml"), settings)
    section = load_config(PARAMS).base.scratch
    assert section is not None
    write_start(section, prompts)
    tokenizer = AutoTokenizer.from_pretrained("data/base/model")
    shape = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_labels=1,
    )
    BertForSequenceClassification(shape).save_pretrained(MODEL)
    tokenizer.save_pretrained(MODEL)
    return config


def measure(config: Config, stage: str, workers: int) -> tuple[float, float, str]:
    """Runs a stage anew: seconds until the first part, rate after it, a digest of the output."""
    told: list[tuple[float, int]] = []

    def progress(done: int, total: int, note: str = "") -> None:
        if done and (not told or done > told[-1][1]):
            told.append((time.perf_counter(), done))

    run, output = STAGES[stage]
    shutil.rmtree(".rsft", ignore_errors=True)
    started = time.perf_counter()
    section = config.model_dump(by_alias=True) | {"ray": {"workers": workers}}
    run(Config.model_validate(section), "1", progress)
    (first, some), (last, all_of_them) = told[0], told[-1]
    digest = hashlib.sha256()
    for file in sorted(Path("data/rounds/1", output).glob("*.parquet")):
        digest.update(file.read_bytes())
    return first - started, (all_of_them - some) / (last - first), digest.hexdigest()


if __name__ == "__main__":
    main()
