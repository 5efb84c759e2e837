"""What docs/scale.md says on paper, held against tiny rows.

    python -m benchmarks.paper_scale [--rows 1000000 10000000] [--part-prompts 5000]
                                     [--characters 1] [--parts …]

ledger      16 made-up draws a prompt, part by part into the candidate ledger
reopened    the ledger opened again, which proves every part by its SHA-256
candidates  what the ledger holds, written in order as the stage's output
scoring     the stage `score` on them by a rule, with their prompts
scored      made-up scores of as many candidates, in parts, for what follows
acceptance  the stage `filter` on them, by the settings of the demo
validation  the stage `validate` on what it accepted: an eighth
pooling     the stage `pool` on all decisions, without evaluation prompts to look for
choosing    the rows of the control `random_all_rounds`, as many as the pool has
lineage     every file of the candidates hashed again, and one prompt's rows looked for in all

No policy draws; texts have one character, or so many: what is measured is what grows with the
number of rows, and with their length. Each part runs in a process of its own, whose peak memory is
shown; it is bounded where more rows leave it as it is.
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
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pyarrow as pa

from rsft.config import Config, set_values
from rsft.generate import CandidateLedger, Request, waves_of
from rsft.ledger import read_rows, table_of, write_rows, write_table, written_in_pieces
from rsft.lineage.hashing import hash_objects
from rsft.lineage.stores import PlainFolder
from rsft.rows.scanning import rows_of_prompts
from rsft.stages import filter as filter_
from rsft.stages import pool, score, validate
from rsft.stages.command import silent
from rsft.stages.contract import BASE, PRIVATE, PROMPT_LEAKS, split_file
from rsft.stages.control import control_rows
from rsft.types import Candidate, Leak, Prompt, Scored, TrainingRow

PARAMS = Path(__file__).parents[1] / "params.yaml"
DRAWS = 16
ROUND = Path("data/rounds/1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything there is."""

    rows: int
    """Candidates."""
    part_prompts: int
    """Prompts of a part."""
    characters: int
    """Of a prompt, and of a completion."""


def main() -> None:
    """Prints a line per part and number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--part-prompts", type=int, default=5000)
    parser.add_argument("--characters", type=int, default=1)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    arguments = parser.parse_args()
    print("part              rows   seconds       rows/s   peak memory   on disk", flush=True)
    for rows in arguments.rows:
        size = Size(rows=rows, part_prompts=arguments.part_prompts, characters=arguments.characters)
        with tempfile.TemporaryDirectory() as folder:
            for name in arguments.parts:
                before = _bytes_in(folder)
                seconds, peak_kib = _apart(name, size, folder)
                written = _bytes_in(folder) - before
                on_disk = f"{written / 2**20:8,.0f} MiB" if written else ""
                print(
                    f"{name:10}{rows:12,}{seconds:10.1f}{rows / seconds:13,.0f}"
                    f"{peak_kib / 2**20:10.2f} GiB{on_disk}",
                    flush=True,
                )


def _bytes_in(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def _apart(name: str, size: Size, folder: str) -> tuple[float, int]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_measure, args=(name, size, folder, sender))
    worker.start()
    sender.close()
    measured: tuple[float, int] = receiver.recv()
    worker.join()
    return measured


def _measure(name: str, size: Size, folder: str, sender: Connection) -> None:
    os.chdir(folder)
    started = time.perf_counter()
    PARTS[name](size)
    seconds = time.perf_counter() - started
    sender.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def _blocks(size: Size) -> Iterator[list[Prompt]]:
    prompts = size.rows // DRAWS
    for start in range(0, prompts, size.part_prompts):
        end = min(start + size.part_prompts, prompts)
        yield [_prompt(number, size) for number in range(start, end)]


def _prompt(number: int, size: Size) -> Prompt:
    return Prompt(
        prompt_id=f"train-{number}",
        text=str(number).ljust(size.characters, "?"),
        answers=("1",),
        solution=None,
        family="f",
        source="s",
        licence="unknown",
    )


def _draw(requests: list[Request], size: Size) -> list[Candidate]:
    return [
        Candidate(
            prompt_id=request.prompt.prompt_id,
            round=1,
            draw=draw,
            policy_version="v1",
            text=str(draw % 4).ljust(size.characters, "."),
            token_ids=(draw % 4, 1),
            token_count=2,
            finish_reason="stop",
            proposal_logprob=-1.0,
            policy_logprob=-1.0,
        )
        for request in requests
        for draw in request.draws
    ]


def _ledger(size: Size) -> None:
    ledger = CandidateLedger(Path("ledger"), {}, seed=0)
    for block in _blocks(size):
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
            waves.send(_draw(missing, size))
        except StopIteration:
            continue


def _reopened(size: Size) -> None:
    CandidateLedger(Path("ledger"), {}, seed=0)


def _candidates(size: Size) -> None:
    ledger = CandidateLedger(Path("ledger"), {}, seed=0)
    for number, block in enumerate(_blocks(size)):
        requests = [Request(prompt=prompt, draws=range(DRAWS)) for prompt in block]
        ledger.write(requests, ROUND / "candidates" / f"part-{number:05}.parquet")


def _scoring(size: Size) -> None:
    _write_prompts(size)
    score.run(_settings(size, "score.rewards={exact_match: 1}"), "1", silent)
    shutil.rmtree(ROUND / "scored")
    shutil.rmtree(PRIVATE / "scores")


def _write_prompts(size: Size) -> None:
    with written_in_pieces(split_file("train")) as write:
        for block in _blocks(size):
            write(table_of(Prompt, block))


def _scored(size: Size) -> None:
    drawn = _draw([Request(prompt=_prompt(0, size), draws=range(DRAWS))], size)
    one = table_of(Scored, [_score(candidate) for candidate in drawn])
    for number, block in enumerate(_blocks(size)):
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


def _acceptance(size: Size) -> None:
    filter_.run(_settings(size), "1", silent)


def _validation(size: Size) -> None:
    write_rows(Path("data/prompts/eval.parquet"), Prompt, [])
    validate.run(_settings(size), "1", silent)
    verdict = json.loads((ROUND / "validation" / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["success"], verdict["failed"]


def _pooling(size: Size) -> None:
    _write_prompts(size)
    write_rows(PROMPT_LEAKS, Leak, [])
    for name in ("kept", "seen", "heldout"):
        write_rows(BASE / "pool" / f"{name}.parquet", TrainingRow, [])
    config = _settings(size)
    for split in config.evaluate.sets.values():
        write_rows(split_file(split), Prompt, [])
    pool.run(config, "1", silent)


def _choosing(size: Size) -> None:
    folder = ROUND / "pool"
    kept = read_rows(folder / "kept.parquet", TrainingRow)
    rows = control_rows("random_all_rounds", kept, folder / "seen.parquet", last=1, seed=0)
    assert len(rows) == len(kept)


def _settings(size: Size, *more: str) -> Config:
    handed_on = Path("data/base/handed_on.json")
    handed_on.parent.mkdir(parents=True, exist_ok=True)
    handed_on.write_text('{"stopped": null}', encoding="utf-8")
    shutil.copy(PARAMS, "params.yaml")
    return set_values(Path("params.yaml"), [f"validate.max_rows={size.rows}", *more])


def _lineage(size: Size) -> None:
    files = sorted((ROUND / "candidates").glob("*.parquet"))
    hashed = hash_objects(PlainFolder(name="candidates", folder=Path()), map(str, files), silent)
    assert all(found.hash for found in hashed.values())
    assert sum(rows_of_prompts(file, {"train-7"}) for file in files) == DRAWS


PARTS: dict[str, Callable[[Size], None]] = {
    "ledger": _ledger,
    "reopened": _reopened,
    "candidates": _candidates,
    "scoring": _scoring,
    "scored": _scored,
    "acceptance": _acceptance,
    "validation": _validation,
    "pooling": _pooling,
    "choosing": _choosing,
    "lineage": _lineage,
}

if __name__ == "__main__":
    main()
