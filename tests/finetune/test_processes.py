"""Two processes on the CPU: the curve of one, its checkpoints, its errors, and no orphans."""

import multiprocessing
import os
import re
import signal
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from pydantic import ValidationError

from rsft import errors
from rsft.errors import TrainingError
from rsft.finetune import Checkpoints, processes, train
from tests.finetune.cases import MANY, ROWS, changed, distance, equal, tiny_policy, weights

SECTION = changed(
    steps=24, batch_size=5, checkpoint_steps=8, early_stopping={"every": 8, "patience": 9}
)
TWO = changed(SECTION, processes=2)


def test_two_processes_follow_the_curve_of_one_and_go_on_to_the_same_bits(tmp_path: Path) -> None:
    """Rows of several weights and lengths, an odd number a step: 3 of them here and 2 there."""
    one, two, resumed = tiny_policy(0.0), tiny_policy(0.0), tiny_policy(0.0)
    expected = train(one, MANY, SECTION, seed=0, heldout=MANY[:3])
    checkpoints = Checkpoints(tmp_path, {})
    steps: list[int] = []
    found = train(
        two, MANY, TWO, seed=0, heldout=MANY[:3], checkpoints=checkpoints,
        on_progress=lambda done, total, note: steps.append(done),
    )  # fmt: skip
    assert steps == [*range(1, 25)]
    assert found.loss == pytest.approx(expected.loss, abs=1e-4)
    assert dict(found.heldout_loss) == pytest.approx(dict(expected.heldout_loss), abs=1e-4)
    assert found.target_tokens == expected.target_tokens
    assert distance(weights(one), weights(two)) < 1e-5
    assert not two.model.training

    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == ["step-00000016", "step-00000024"]
    (tmp_path / "step-00000024" / "state.json").unlink()
    again: list[int] = []
    same = train(
        resumed, MANY, TWO, seed=0, heldout=MANY[:3], checkpoints=checkpoints,
        on_progress=lambda done, total, note: again.append(done),
    )  # fmt: skip
    assert again == [*range(17, 25)]
    assert same == found
    assert equal(weights(resumed), weights(two))


def train_for_long() -> None:
    train(tiny_policy(), MANY, changed(TWO, steps=10**6), seed=0, heldout=MANY[:3])


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_no_process_outlives_the_one_that_started_it() -> None:
    parent = multiprocessing.get_context("fork").Process(target=train_for_long)
    parent.start()
    assert parent.pid is not None
    seen = psutil.Process(parent.pid)
    # The launcher and two ranks.
    wait_until(lambda: len(seen.children(recursive=True)) == 3)
    started = seen.children(recursive=True)
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    wait_until(lambda: not any(one.is_running() for one in started), seconds=10)


def fake_ranks(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Has other code run in place of the ranks, which need seconds to import torch."""
    code = "import json, os, signal, sys, time\n" + textwrap.dedent(body)
    (folder / "fake_ranks.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(processes, "RANKS", "fake_ranks")


def train_with_fakes() -> None:
    train(tiny_policy(), ROWS, changed(processes=2), seed=0)


@pytest.mark.parametrize("name", ["TrainingError", "ConfigurationError"])
def test_an_error_in_a_process_is_raised_here_as_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f'print(json.dumps({{"error": ["{name}", "the loss of step 1 is nan"]}}), flush=True)'
    fake_ranks(monkeypatch, tmp_path, body + "\ntime.sleep(600)")
    with pytest.raises(getattr(errors, name), match=re.escape("the loss of step 1 is nan")) as told:
        train_with_fakes()
    assert "\n" not in str(told.value)


def test_a_process_ended_from_outside_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ranks(monkeypatch, tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(TrainingError, match=r"ended from outside .*see whether memory sufficed"):
        train_with_fakes()


def test_a_warning_of_a_process_is_logged_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = 'print(json.dumps({"warning": "out of memory: at most 7 tokens"}))\nsys.exit(1)'
    fake_ranks(monkeypatch, tmp_path, body)
    with pytest.raises(TrainingError):
        train_with_fakes()
    assert [record.getMessage() for record in caplog.records] == ["out of memory: at most 7 tokens"]


def test_an_interruption_ends_the_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = 'print(json.dumps({"progress": [1, 2, str(os.getpid())]}), flush=True)\ntime.sleep(600)'
    fake_ranks(monkeypatch, tmp_path, body)
    ranks: list[int] = []

    def interrupt(done: int, total: int, note: str = "") -> None:
        ranks.append(int(note))
        raise KeyboardInterrupt

    checkpoints = Checkpoints(tmp_path / "training", {})
    with pytest.raises(KeyboardInterrupt):
        train(
            tiny_policy(), ROWS, changed(processes=2), seed=0,
            checkpoints=checkpoints, on_progress=interrupt,
        )  # fmt: skip
    assert not psutil.pid_exists(ranks[0])
    assert list(checkpoints.folder.iterdir()) == [], "what went to and fro is removed"


def test_the_processes_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    assert [processes._threads(count) for count in (1, 2, 5, 8)] == [5, 2, 1, 1]


def test_each_process_must_have_a_row() -> None:
    with pytest.raises(ValidationError, match="batch_size is 2, less than processes, 3"):
        changed(batch_size=2, processes=3)
