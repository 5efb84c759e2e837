"""Scoring, acceptance and validation at scale: seconds, rows and peak memory of each part.

    python -m benchmarks.acceptance [--json] [--parts decide stage numeric validate]

decide     decisions on columns, 16 candidates a prompt: uniform over right ones, per-prompt bounds,
           coins, de-duplication and a cap; then the figures of the round and of each prompt
stage      the stage ``filter`` from Parquet to Parquet, texts and tokens with it
numeric    the numeric verifier on worked solutions of some 300 characters, in this process
validate   the stage ``validate``: Great Expectations' whole suite on accepted rows, from Parquet

Each part runs in a process of its own, whose peak memory, libraries and all, is what is shown.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import acceptance_data as data

PARAMS = Path(__file__).parents[1] / "params.yaml"
SIZES = {
    "decide": (100_000, 1_000_000, 10_000_000),
    "stage": (1_000_000,),
    "numeric": (100_000,),
    "validate": (1_000_000,),
}


def main() -> None:
    """Prints one line per part and size, and with --json one document last."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document last")
    parser.add_argument("--parts", nargs="+", choices=SIZES, default=list(SIZES))
    arguments = parser.parse_args()
    figures = []
    print("part            rows   seconds       rows/s   peak memory", flush=True)
    for part in arguments.parts:
        for rows in SIZES[part]:
            found = _apart(part, rows)
            figures.append(found)
            print(
                f"{part:8}{rows:12,}{found['seconds']:10.2f}{rows / found['seconds']:13,.0f}"
                f"{found['peak_memory_gib']:11.2f} GiB",
                flush=True,
            )
    if arguments.json:
        print(json.dumps({"parts": figures}))


def _apart(part: str, rows: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_measure, args=(part, rows, sender))
    worker.start()
    seconds, peak_kib = receiver.recv()
    worker.join()
    peak = round(peak_kib / 2**20, 3)
    return {"part": part, "rows": rows, "seconds": round(seconds, 3), "peak_memory_gib": peak}


def _measure(part: str, rows: int, sender: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shutil.copy(PARAMS, "params.yaml")
        work = PARTS[part](rows)
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
    sender.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def _decide(rows: int) -> Callable[[], object]:
    from rsft.config import load_config
    from rsft.filter import decide, diagnose

    section = load_config().filter
    candidates = data.candidates(rows, seed=0)

    def work() -> None:
        decisions = decide(candidates, section, seed=0, round=1)
        diagnose(candidates, decisions, section)

    return work


def _stage(rows: int) -> Callable[[], object]:
    from rsft.config import load_config
    from rsft.ledger import write_rows, write_table
    from rsft.stages import filter as stage
    from rsft.stages.command import silent
    from rsft.types import PromptDraws

    folder = Path("data/rounds/1")
    write_rows(folder / "draws.parquet", PromptDraws, [])
    part_rows = 100_000
    for part in range(rows // part_rows):
        table = data.scored_table(part_rows, first=part * part_rows, seed=part)
        write_table(folder / "scored" / f"part-{part:05}.parquet", table)
    config = load_config()
    return lambda: stage.run(config, "1", silent)


def _numeric(rows: int) -> Callable[[], object]:
    from rsft.config import NumericAnswerSection
    from rsft.score.numeric_answer import NumericAnswer

    reward = NumericAnswer(NumericAnswerSection())
    asked = data.worked_solutions(rows, seed=0)
    return lambda: [reward.score(prompt, completions) for prompt, completions in asked]


def _validate(rows: int) -> Callable[[], object]:
    from rsft.config import set_values
    from rsft.ledger import write_rows, write_table
    from rsft.stages import validate as stage
    from rsft.stages.command import silent
    from rsft.types import Prompt

    folder = Path("data/rounds/1")
    for name in ("accepted", "decisions"):
        table = data.accepted_table(rows, seed=0)
        write_table(folder / name / "part-00000.parquet", table)
    write_rows(Path("data/prompts/eval.parquet"), Prompt, [])
    handed_on = Path("data/base/handed_on.json")
    handed_on.parent.mkdir()
    handed_on.write_text('{"stopped": null}', encoding="utf-8")
    limits = (f"validate.max_rows={rows}", "validate.max_acceptance_rate=1")
    config = set_values(Path("params.yaml"), [*limits, "filter.max_per_prompt=16"])
    return lambda: stage.run(config, "1", silent)


PARTS = {"decide": _decide, "stage": _stage, "numeric": _numeric, "validate": _validate}

if __name__ == "__main__":
    main()
