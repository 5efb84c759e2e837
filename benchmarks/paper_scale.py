"""What docs/scale.md says on paper, held against tiny rows.

    python -m benchmarks.paper_scale [--rows 1000000 10000000] [--part-prompts 5000] [--parts …]

ledger      16 made-up draws a prompt, part by part into the candidate ledger
reopened    the ledger opened again, which proves every part by its SHA-256
candidates  what the ledger holds, written in order as the stage's output
scored      made-up scores of as many candidates, in parts, for what follows
acceptance  the stage `filter` on them, by the settings of the demo
validation  the stage `validate` on what it accepted: an eighth
lineage     every file of the candidates hashed again, and one prompt's rows looked for in all

No policy draws and no text is long: what is measured is what grows with the number of rows. Each
part runs in a process of its own, whose peak memory is shown; it is bounded where more rows leave
it as it is.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pyarrow as pa

from rsft.config import Config, set_values
from rsft.generate import CandidateLedger, Request, waves_of
from rsft.ledger import table_of, write_rows, write_table
from rsft.lineage.hashing import hash_objects
from rsft.lineage.stores import PlainFolder
from rsft.rows.scanning import rows_of_prompts
from rsft.stages import filter as filter_
from rsft.stages import validate
from rsft.stages.command import silent
from rsft.types import Candidate, Prompt, Scored

PARAMS = Path(__file__).parents[1] / "params.yaml"
DRAWS = 16
ROUND = Path("data/rounds/1")


def main() -> None:
    """Prints a line per part and number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--part-prompts", type=int, default=5000)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    arguments = parser.parse_args()
    print("part              rows   seconds       rows/s   peak memory   on disk", flush=True)
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            for name in arguments.parts:
                before = _size(folder)
                seconds, peak_kib = _apart(name, rows, arguments.part_prompts, folder)
                size = _size(folder) - before
                on_disk = f"{size / 2**20:8,.0f} MiB" if size else ""
                print(
                    f"{name:10}{rows:12,}{seconds:10.1f}{rows / seconds:13,.0f}"
                    f"{peak_kib / 2**20:10.2f} GiB{on_disk}",
                    flush=True,
                )


def _size(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def _apart(name: str, rows: int, part_prompts: int, folder: str) -> tuple[float, int]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_measure, args=(name, rows, part_prompts, folder, sender))
    worker.start()
    sender.close()
    measured: tuple[float, int] = receiver.recv()
    worker.join()
    return measured


def _measure(name: str, rows: int, part_prompts: int, folder: str, sender: Connection) -> None:
    os.chdir(folder)
    started = time.perf_counter()
    PARTS[name](rows, part_prompts)
    seconds = time.perf_counter() - started
    sender.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def _blocks(rows: int, part_prompts: int) -> Iterator[list[Prompt]]:
    prompts = rows // DRAWS
    for start in range(0, prompts, part_prompts):
        yield [_prompt(number) for number in range(start, min(start + part_prompts, prompts))]


def _prompt(number: int) -> Prompt:
    return Prompt(
        prompt_id=f"train-{number}",
        text=str(number),
        answers=("1",),
        solution=None,
        family="f",
        source="s",
        licence="unknown",
    )


def _draw(requests: list[Request]) -> list[Candidate]:
    return [
        Candidate(
            prompt_id=request.prompt.prompt_id,
            round=1,
            draw=draw,
            policy_version="v1",
            text=str(draw % 4),
            token_ids=(draw % 4, 1),
            token_count=2,
            finish_reason="stop",
            proposal_logprob=-1.0,
            policy_logprob=-1.0,
        )
        for request in requests
        for draw in request.draws
    ]


def _ledger(rows: int, part_prompts: int) -> None:
    ledger = CandidateLedger(Path("ledger"), {}, seed=0)
    for block in _blocks(rows, part_prompts):
        waves = waves_of(
            ledger,
            block,
            wave=DRAWS,
            target=None,
            max_draws=DRAWS,
            are_right=lambda drawn: [[None] * len(candidates) for _, candidates in drawn],
        )
        missing = next(waves)
        try:
            waves.send(_draw(missing))
        except StopIteration:
            continue


def _reopened(rows: int, part_prompts: int) -> None:
    CandidateLedger(Path("ledger"), {}, seed=0)


def _candidates(rows: int, part_prompts: int) -> None:
    ledger = CandidateLedger(Path("ledger"), {}, seed=0)
    for number, block in enumerate(_blocks(rows, part_prompts)):
        requests = [Request(prompt=prompt, draws=range(DRAWS)) for prompt in block]
        ledger.write(requests, Path("candidates") / f"part-{number:05}.parquet")


def _scored(rows: int, part_prompts: int) -> None:
    drawn = _draw([Request(prompt=_prompt(0), draws=range(DRAWS))])
    one = table_of(Scored, [_score(candidate) for candidate in drawn])
    for number, block in enumerate(_blocks(rows, part_prompts)):
        row_N = np.tile(np.arange(DRAWS), len(block))
        ids = pa.array([prompt.prompt_id for prompt in block])
        id_N = ids.take(pa.array(np.repeat(np.arange(len(block)), DRAWS)))
        table = one.take(pa.array(row_N)).set_column(0, one.schema.field(0), id_N)
        write_table(ROUND / "scored" / f"part-{number:05}.parquet", table)


def _score(candidate: Candidate) -> Scored:
    """Half of them are right, in two texts, some likelier than others."""
    fields = asdict(candidate) | {"proposal_logprob": -1 - candidate.draw / 8}
    return Scored(
        **fields,
        reward=float(candidate.draw % 2),
        reward_breakdown={"exact_match": float(candidate.draw % 2)},
        score_status="ok",
        score_note=None,
        outcome="1",
        reference_logprob=None,
        is_canonical=None,
    )


def _acceptance(rows: int, part_prompts: int) -> None:
    filter_.run(_settings(rows), "1", silent)


def _validation(rows: int, part_prompts: int) -> None:
    write_rows(Path("data/prompts/eval.parquet"), Prompt, [])
    validate.run(_settings(rows), "1", silent)
    verdict = json.loads((ROUND / "validation" / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["success"], verdict["failed"]


def _settings(rows: int) -> Config:
    handed_on = Path("data/base/handed_on.json")
    handed_on.parent.mkdir(parents=True, exist_ok=True)
    handed_on.write_text('{"stopped": null}', encoding="utf-8")
    shutil.copy(PARAMS, "params.yaml")
    return set_values(Path("params.yaml"), [f"validate.max_rows={rows}"])


def _lineage(rows: int, part_prompts: int) -> None:
    files = sorted(Path("candidates").rglob("*.parquet"))
    hashed = hash_objects(PlainFolder(name="candidates", folder=Path()), map(str, files), silent)
    assert all(found.hash for found in hashed.values())
    assert sum(rows_of_prompts(file, {"train-7"}) for file in files) == DRAWS


PARTS: dict[str, Callable[[int, int], None]] = {
    "ledger": _ledger,
    "reopened": _reopened,
    "candidates": _candidates,
    "scored": _scored,
    "acceptance": _acceptance,
    "validation": _validation,
    "lineage": _lineage,
}

if __name__ == "__main__":
    main()
