"""SIGKILL at random moments of a training stage: the bytes of an undisturbed run.

A resume that is none (open-instruct, LMFlow) shows in the last bits first: dropout, word dropout,
shuffles, the optimiser's moments and the held-out losses all have to go on where they were.

``RSFT_KILLS=20 pytest tests/stages/test_training_kills.py`` kills twenty times.
"""

import json
import logging
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from rsft.errors import ConfigurationError
from rsft.ledger import write_rows
from rsft.policy import load_policy
from rsft.stages import base, finetune
from rsft.types import Prompt, TrainingRow
from tests.finetune.cases import MANY, tiny_policy
from tests.stages.cases import prompt, settings, silent, write_base

KILLS = int(os.environ.get("RSFT_KILLS", "5"))
SETTINGS = (
    "rounds=1",
    "finetune.steps=40",
    "finetune.batch_size=4",
    "finetune.word_dropout=0.2",
    "finetune.checkpoint_steps=3",
)
STOPPING = "finetune.early_stopping={every: 4, patience: 9}"
ROUND = Path("data/rounds/1")
CHECKPOINTS = Path(".rsft/training/finetune-1")


@pytest.fixture(autouse=True)
def round_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_policy(dropout=0.1), [])
    write_rows(ROUND / "pool" / "kept.parquet", TrainingRow, MANY)
    write_rows(ROUND / "pool" / "heldout.parquet", TrainingRow, MANY[:3])
    (ROUND / "validation").mkdir()
    (ROUND / "validation" / "verdict.json").write_text(json.dumps({"success": True}))


def run() -> None:
    finetune.run(settings(*SETTINGS, STOPPING), "1", silent)


def outputs() -> dict[str, bytes]:
    files = sorted((ROUND / "trained").iterdir())
    return {file.name: file.read_bytes() for file in files}


def newest() -> int:
    """Steps of the last whole checkpoint."""
    return max((int(file.name[5:]) for file in CHECKPOINTS.glob("step-*")), default=0)


def test_killed_at_random_moments_it_ends_in_the_same_bytes() -> None:
    # A child that imports nothing: it trains at once, so that kills meet every phase.
    context = multiprocessing.get_context("fork")
    started = time.monotonic()
    child = context.Process(target=run)
    child.start()
    child.join()
    undisturbed = time.monotonic() - started
    assert child.exitcode == 0
    assert not CHECKPOINTS.exists(), "removed once the outputs are there"
    expected = outputs()
    assert {"model.safetensors", "training.json"} <= expected.keys()

    moments = random.Random(0)
    kills = gone_on = 0
    while kills < KILLS:
        shutil.rmtree(ROUND / "trained")
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
            if child.exitcode == 0:
                break
            assert newest() >= kept, "what was trained stays"
            gone_on += kept > 0
            kept = newest()
        assert outputs() == expected
        assert not CHECKPOINTS.exists()
    assert kills >= KILLS
    assert gone_on, "no kill met a run that had a checkpoint"


def kill_after(step: int) -> None:
    """Runs the stage in a child that is killed after a step."""

    def told(done: int, total: int, note: str = "") -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        finetune.run(settings(*SETTINGS), "1", told)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert newest() == step - step % 3


def test_what_was_trained_with_another_setting_is_not_gone_on_with(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kill_after(7)
    seen: list[int] = []
    other = settings(*SETTINGS, "finetune.learning_rate=0.004")
    with caplog.at_level(logging.WARNING, logger="rsft"):
        finetune.run(other, "1", lambda done, total, note="": seen.append(done))
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == (
        ".rsft/training/finetune-1/step-00000006: a checkpoint of another training "
        "(finetune.learning_rate 0.0015 ≠ 0.004); it is removed, and training begins anew"
    )
    assert seen[0] == 1


def test_how_often_checkpoints_are_written_is_no_other_training() -> None:
    kill_after(7)
    seen: list[int] = []
    other = settings(*SETTINGS, "finetune.checkpoint_steps=null")
    finetune.run(other, "1", lambda done, total, note="": seen.append(done))
    assert seen[0] == 7


def test_early_stopping_reads_the_round_s_held_out_rows() -> None:
    run()
    told = json.loads((ROUND / "trained" / "training.json").read_text())
    assert [step for step, _ in told["heldout_loss"]] == [*range(4, 41, 4)]
    write_rows(ROUND / "pool" / "heldout.parquet", TrainingRow, [])
    with pytest.raises(ConfigurationError, match=r"pool\.heldout_share"):
        run()


def test_the_base_goes_on_as_well() -> None:
    shutil.rmtree("data/base")
    rows = [prompt(number, split="labelled") for number in range(4)]
    write_rows(Path("data/prompts/labelled.parquet"), Prompt, rows)
    config = settings(
        "rounds=1", "base.scratch.training.steps=10", "base.scratch.training.checkpoint_steps=4"
    )

    def killed(done: int, total: int, note: str = "") -> None:
        if done == 6:
            os.kill(os.getpid(), signal.SIGKILL)

    child = multiprocessing.get_context("fork").Process(target=base.run, args=[config, "", killed])
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert [file.name for file in Path(".rsft/training/base").iterdir()] == ["step-00000004"]
    seen: list[int] = []
    base.run(config, "", lambda done, total, note="": seen.append(done))
    assert seen == [*range(5, 11)]
    version = load_policy(Path("data/base/model")).version
    assert not Path(".rsft/training/base").exists()
    shutil.rmtree("data/base")
    base.run(config, "", silent)
    assert load_policy(Path("data/base/model")).version == version
