"""Stage ``generate`` as prompts grow: time per candidate, and the memory of the process.

    python -m benchmarks.scale [--prompts 100 1000 10000 100000]

A tiny T5 with random weights draws 16 short completions of each prompt, through the ledger and
into ``candidates/``, in a process of its own. Peak memory is that of the process, torch and all.
"""

import argparse
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

from rsft.config import RenderingSection, ScratchSection, TrainingSection, set_values
from rsft.ledger import write_rows
from rsft.policy import build_scratch, save_policy
from rsft.stages import generate
from rsft.stages.command import silent
from rsft.types import Prompt

PARAMS = Path(__file__).parents[1] / "params.yaml"
SETTINGS = ("rounds=1", "generate.draws_per_prompt=16", "generate.max_new_tokens=8",
            "generate.part_prompts=500")  # fmt: skip
WORDS = "ann has n0 pens and buys n1 more + = r0 ;"


def main() -> None:
    """Prints one line per number of prompts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    arguments = parser.parse_args()
    print("prompts    candidates   seconds   candidates/s   peak memory", flush=True)
    for count in arguments.prompts:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=measure, args=(count, sender))
        worker.start()
        seconds, peak_kib = receiver.recv()
        worker.join()
        drawn = 16 * count
        print(
            f"{count:7,}{drawn:14,}{seconds:10.1f}{drawn / seconds:15,.0f}"
            f"{peak_kib / 2**20:11.2f} GiB",
            flush=True,
        )


def measure(count: int, sender: "multiprocessing.connection.Connection") -> None:
    """Runs the stage in a folder of its own; sends its seconds and the process's peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shutil.copy(PARAMS, "params.yaml")
        config = set_values(Path("params.yaml"), SETTINGS)
        training = TrainingSection(steps=1, batch_size=1, learning_rate=1e-3)
        section = ScratchSection(
            d_model=8, d_ff=16, layers=2, heads=2, vocabulary=32, training=training
        )
        write_start(section, count)
        started = time.perf_counter()
        generate.run(config, "1", silent)
        seconds = time.perf_counter() - started
    sender.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def write_start(section: ScratchSection, count: int) -> None:
    """Writes what a first round begins with into the current folder: a policy, and prompts."""
    policy = build_scratch(section, RenderingSection(number_slots=True), [WORDS], [WORDS], 0)
    save_policy(policy, Path("data/base/model"))
    Path("data/base/handed_on.json").write_text('{"stopped": null}', encoding="utf-8")
    rows = (
        Prompt(
            prompt_id=f"p{number}",
            text=f"ann has {number} pens and buys {number % 7} more",
            answers=("1",),
            solution=None,
            family="f",
            source="s",
            licence="unknown",
        )
        for number in range(count)
    )
    write_rows(Path("data/prompts/train.parquet"), Prompt, rows)


if __name__ == "__main__":
    main()
