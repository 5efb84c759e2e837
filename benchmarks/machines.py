"""Stage ``generate`` on Ray: one worker against two, each of one kernel thread, in turns.

    python -m benchmarks.machines [--turns 3] [--prompts 2000]

A T5 of the demo's shape with random weights draws 8 completions of each prompt, in 40 parts, by
workers on this machine. What is compared is the rate once the first part has come: starting Ray
and loading the policy is paid once however much is drawn, and is shown beside it. The outputs must
be the same bytes. The ratio is the median over the turns.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.scale import PARAMS, write_start
from rsft.config import Config, load_config, set_values
from rsft.stages import generate

PARTS = 40
WORKERS = (1, 2)


def main() -> None:
    """Prints a line per run, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=2000)
    arguments = parser.parse_args()
    rates: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    digests = set()
    print("turn  workers   until the first part   prompts/s after it", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        config = prepare(arguments.prompts)
        for turn in range(1, arguments.turns + 1):
            for workers in WORKERS:
                start, rate, digest = measure(config, workers)
                rates[workers].append(rate)
                digests.add(digest)
                print(f"{turn:4}{workers:9}{start:21.1f} s{rate:21.1f}", flush=True)
        os.chdir(PARAMS.parent)
    one, two = (statistics.median(rates[workers]) for workers in WORKERS)
    same = "the same bytes" if len(digests) == 1 else "DIFFERENT BYTES"
    print(f"two workers draw {two / one:.2f} times as fast as one; {same} each time")


def prepare(prompts: int) -> Config:
    """Writes a base and prompts into the current folder."""
    shutil.copy(PARAMS, "params.yaml")
    parts = -(-prompts // PARTS)
    config = set_values(
        Path("params.yaml"), ["rounds=1", "runtime.threads=1", f"generate.part_prompts={parts}"]
    )
    section = load_config(PARAMS).base.scratch
    assert section is not None
    write_start(section, prompts)
    return config


def measure(config: Config, workers: int) -> tuple[float, float, str]:
    """Draws everything anew: seconds until the first part, prompts a second after it, a digest."""
    told: list[tuple[float, int]] = []

    def progress(done: int, total: int, note: str = "") -> None:
        if done and (not told or done > told[-1][1]):
            told.append((time.perf_counter(), done))

    shutil.rmtree(".rsft", ignore_errors=True)
    started = time.perf_counter()
    section = config.model_dump(by_alias=True) | {"ray": {"workers": workers}}
    generate.run(Config.model_validate(section), "1", progress)
    (first, some), (last, all_of_them) = told[0], told[-1]
    digest = hashlib.sha256()
    for file in sorted(Path("data/rounds/1").rglob("*.parquet")):
        digest.update(file.read_bytes())
    return first - started, (all_of_them - some) / (last - first), digest.hexdigest()


if __name__ == "__main__":
    main()
