"""What docs/scale.md says on paper, held against tiny rows.

    python -m benchmarks.paper_scale [--rows 1000000 10000000] [--part-prompts 5000]

ledger      16 made-up draws a prompt, part by part into the candidate ledger
reopened    the ledger opened again, which proves every part by its SHA-256
candidates  what the ledger holds, written in order as the stage's output
acceptance  decisions in slices of whole prompts; the first two must decide as they do together
validation  the whole suite over slices of accepted rows
lineage     every file of the candidates hashed again, and one prompt's rows looked for in all

No policy draws and no text is long: what is measured is what grows with the number of rows. Each
part runs in a process of its own, whose peak memory is shown; it is bounded where more rows leave
it as it is.
"""

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from benchmarks import acceptance_data as data
from rsft.config import load_config
from rsft.filter import Candidates, decide
from rsft.generate import CandidateLedger, Request, waves_of
from rsft.lineage.hashing import hash_objects
from rsft.lineage.stores import PlainFolder
from rsft.rows.scanning import rows_of_prompts
from rsft.stages.command import silent
from rsft.types import Candidate, Prompt
from rsft.validate import validate_accepted

PARAMS = Path(__file__).parents[1] / "params.yaml"
DRAWS = data.ROWS_PER_PROMPT
SLICE = 1_000_000
"""Candidates decided at a time."""
JUDGED = 250_000
"""Accepted rows judged at a time."""
LIMITS = {
    "max_tokens": 1000, "max_per_prompt": DRAWS, "min_reward": 0, "max_reward": 1, "min_rows": 1,
    "max_rows": SLICE, "min_acceptance_rate": 0, "max_acceptance_rate": 1,
}  # fmt: skip


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
                seconds, peak_kib = _apart(name, rows, arguments.part_prompts, folder)
                written = Path(folder) / name
                size = sum(file.stat().st_size for file in written.rglob("*") if file.is_file())
                on_disk = f"{size / 2**20:8,.0f} MiB" if size else ""
                print(
                    f"{name:10}{rows:12,}{seconds:10.1f}{rows / seconds:13,.0f}"
                    f"{peak_kib / 2**20:10.2f} GiB{on_disk}",
                    flush=True,
                )


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
        ledger.materialise(requests, Path("candidates") / f"{number:05}", part_prompts)


def _acceptance(rows: int, part_prompts: int) -> None:
    section = load_config(PARAMS).filter
    first_two = []
    for number, start in enumerate(range(0, rows, SLICE)):
        candidates = _slice(min(SLICE, rows - start), number)
        decisions = decide(candidates, section, seed=0, round=1)
        if number < 2:
            first_two.append((candidates, decisions.reason_N))
    if len(first_two) == 2:
        (one, first), (two, second) = first_two
        names = ("draw_N", "reward_N", "is_finished_N", "proposal_logprob_N", "tokens_N",
                 "is_respelt_N", "text_key_N")  # fmt: skip
        joined = {name: np.concatenate([getattr(one, name), getattr(two, name)]) for name in names}
        together = replace(
            one,
            prompt_ids=[*one.prompt_ids, *two.prompt_ids],
            prompt_N=np.concatenate([one.prompt_N, two.prompt_N + len(one.prompt_ids)]),
            **joined,
        )
        reason_N = decide(together, section, seed=0, round=1).reason_N
        assert np.array_equal(reason_N, np.concatenate([first, second]))


def _slice(rows: int, number: int) -> Candidates:
    candidates = data.candidates(rows, seed=number)
    return replace(candidates, prompt_ids=[f"{number}-{one}" for one in candidates.prompt_ids])


def _validation(rows: int, part_prompts: int) -> None:
    for number, start in enumerate(range(0, rows, JUDGED)):
        table = data.accepted_table(min(JUDGED, rows - start), seed=number)
        verdict = validate_accepted(
            table, has_bound=True, candidates=len(table), held_out=frozenset(), limits=LIMITS
        )
        assert verdict.success, verdict.failed


def _lineage(rows: int, part_prompts: int) -> None:
    files = sorted(Path("candidates").rglob("*.parquet"))
    hashed = hash_objects(PlainFolder(name="candidates", folder=Path()), map(str, files), silent)
    assert all(found.hash for found in hashed.values())
    assert sum(rows_of_prompts(file, {"train-7"}) for file in files) == DRAWS


PARTS: dict[str, Callable[[int, int], None]] = {
    "ledger": _ledger,
    "reopened": _reopened,
    "candidates": _candidates,
    "acceptance": _acceptance,
    "validation": _validation,
    "lineage": _lineage,
}

if __name__ == "__main__":
    main()
