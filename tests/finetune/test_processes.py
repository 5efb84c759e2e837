"""Two processes on the CPU: the curve of one, its checkpoints, its errors, and no orphans."""

import errno
import json
import multiprocessing
import os
import re
import signal
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import torch
from pydantic import ValidationError

from rsft import errors
from rsft.errors import TrainingError
from rsft.finetune import Checkpoints, launching, processes, train
from tests.finetune.cases import MANY, ROWS, changed, distance, tiny_policy, weights

SECTION = changed(
    steps=24, batch_size=5, schedule="constant", early_stopping={"every": 8, "patience": 9}
)
TWO = changed(SECTION, processes=2, checkpoint_steps=16)


def train_and_be_killed(checkpoints: Checkpoints) -> None:
    """Trains, and kills this process after step 17, with two ranks in the middle of their work."""

    def kill_at(step: int, total: int, note: str = "") -> None:
        if step == 17:
            launcher, *ranks = psutil.Process().children(recursive=True)
            for rank in ranks:
                rank.suspend()  # so that they do not get far, and do not end by themselves
            pids = json.dumps([launcher.pid, *(rank.pid for rank in ranks)])
            (checkpoints.folder / "pids.json").write_text(pids)
            os.kill(os.getpid(), signal.SIGKILL)

    section = changed(TWO, steps=10**6)
    train(
        tiny_policy(0.0), MANY, section, seed=0, heldout=MANY[:3],
        checkpoints=checkpoints, on_progress=kill_at,
    )  # fmt: skip


def test_two_processes_killed_and_gone_on_with_follow_the_curve_of_one(tmp_path: Path) -> None:
    """Rows of several weights and lengths, an odd number a step: 3 of them here and 2 there."""
    checkpoints = Checkpoints(tmp_path, {})
    parent = multiprocessing.get_context("fork").Process(
        target=train_and_be_killed, args=[checkpoints]
    )
    parent.start()
    parent.join()
    assert parent.exitcode == -signal.SIGKILL
    pids = json.loads((tmp_path / "pids.json").read_text())
    assert len(pids) == 3, "a launcher and two ranks"
    ends = time.monotonic() + 10
    while any(map(is_running, pids)):
        assert time.monotonic() < ends, "a process outlives the one that started it"
        time.sleep(0.02)

    one, two = tiny_policy(0.0), tiny_policy(0.0)
    expected = train(one, MANY, SECTION, seed=0, heldout=MANY[:3])
    steps: list[int] = []
    found = train(
        two, MANY, TWO, seed=0, heldout=MANY[:3], checkpoints=checkpoints,
        on_progress=lambda done, total, note: steps.append(done),
    )  # fmt: skip
    assert steps == [*range(17, 25)]
    assert found.loss == pytest.approx(expected.loss, abs=1e-4)
    assert dict(found.heldout_loss) == pytest.approx(dict(expected.heldout_loss), abs=1e-4)
    assert found.target_tokens == expected.target_tokens
    assert distance(weights(one), weights(two)) < 1e-5
    assert not two.model.training


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def fake_ranks(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Has other code run in place of the ranks, which need seconds to import torch."""
    code = "import json, os, signal, sys, time\n" + textwrap.dedent(body)
    (folder / "fake_ranks.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(launching, "RANKS", "fake_ranks")


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


def test_a_full_disk_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(processes, "save_policy", full)
    checkpoints = Checkpoints(tmp_path / "training", {})
    with pytest.raises(TrainingError, match=r"cannot be written \(No space left on device\); make"):
        train(tiny_policy(), ROWS, changed(processes=2), seed=0, checkpoints=checkpoints)
    assert list(checkpoints.folder.iterdir()) == []


def test_a_file_in_the_folder_s_place_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "training").touch()
    checkpoints = Checkpoints(tmp_path / "training", {})
    with pytest.raises(TrainingError, match=r"processes: cannot be written \(Not a directory\)"):
        train(tiny_policy(), ROWS, changed(processes=2), seed=0, checkpoints=checkpoints)


def test_the_processes_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    assert [processes._threads(count) for count in (1, 2, 5, 8)] == [5, 2, 1, 1]


def test_each_process_must_have_a_row() -> None:
    with pytest.raises(ValidationError, match="batch_size is 2, less than processes, 3"):
        changed(batch_size=2, processes=3)
