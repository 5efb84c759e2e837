"""SIGKILL at random moments: nothing lost, nothing doubled, the bytes of an undisturbed run.

Elsewhere one file is written at the end, and a crash loses everything (open-instruct, LMFlow,
distilabel #1065, curator #190).

``RSFT_KILLS=50 pytest tests/stages/test_kills.py`` kills fifty times.
"""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy
from rsft.stages import generate
from rsft.types import Candidate, Prompt
from tests.stages.cases import prompt, settings, silent, write_base

KILLS = int(os.environ.get("RSFT_KILLS", "5"))
PROMPTS, DRAWS, PART = 48, 6, 4
SETTINGS = (
    f"generate.part_prompts={PART}",
    f"generate.draws_per_prompt={DRAWS}",
    "generate.max_new_tokens=6",
    "rounds=1",
)
ROUND = Path("data/rounds/1")


@pytest.fixture(autouse=True)
def base(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, [])
    rows = [prompt(number) for number in range(PROMPTS)]
    write_rows(Path("data/prompts/train.parquet"), Prompt, rows)


def run() -> None:
    generate.run(settings(*SETTINGS), "1", silent)


def bytes_of_outputs() -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(ROUND.rglob("*.parquet"))}


def in_ledger() -> Counter[tuple[str, int]]:
    """How often each draw lies in the ledger, whichever part holds it."""
    rows: Counter[tuple[str, int]] = Counter()
    for file in Path(".rsft/ledger").glob("*/*.parquet"):
        frame = pd.read_parquet(file, columns=["prompt_id", "draw"])
        rows.update(zip(frame["prompt_id"], frame["draw"], strict=True))
    return rows


def test_killed_at_random_moments_nothing_is_lost_or_doubled() -> None:
    # A child that imports nothing: it starts to draw at once, so that kills meet every phase.
    context = multiprocessing.get_context("fork")
    started = time.monotonic()
    child = context.Process(target=run)
    child.start()
    child.join()
    undisturbed = time.monotonic() - started
    assert child.exitcode == 0
    expected, expected_rows = bytes_of_outputs(), read_rows(ROUND / "candidates", Candidate)
    wanted = Counter((f"train-{p}", d) for p in range(PROMPTS) for d in range(DRAWS))
    assert in_ledger() == wanted

    moments = random.Random(0)
    kills = cycles = 0
    while kills < KILLS or cycles == 0:
        for file in [*Path(".rsft/ledger").rglob("*"), *ROUND.rglob("*")]:
            if file.is_file():
                file.unlink()
        kept = 0
        while True:
            child = context.Process(target=run)
            child.start()
            child.join(moments.uniform(0, undisturbed))
            if child.exitcode is None:
                assert child.pid is not None
                os.kill(child.pid, signal.SIGKILL)
                child.join()
                kills += child.exitcode == -signal.SIGKILL
            rows = in_ledger()
            assert set(rows.values()) <= {1}
            assert rows <= wanted
            assert rows.total() % (PART * DRAWS) == 0, "a part is whole or not there"
            assert rows.total() >= kept, "what was drawn stays"
            kept = rows.total()
            if child.exitcode == 0:
                break
        cycles += 1
        assert in_ledger() == wanted
        assert bytes_of_outputs() == expected
        assert read_rows(ROUND / "candidates", Candidate) == expected_rows
    assert kills >= KILLS
