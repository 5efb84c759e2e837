"""The launcher of the ranks: what it tells of their ends, and that none of them outlives it.

It is forked off here with other work in place of training, which spares it the import of torch.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
import pytest

from rsft.errors import TrainingError
from rsft.finetune import ranks

Work = Callable[[int], None]


class Launcher:
    """A launcher of two ranks, in a session of its own."""

    def __init__(self, folder: Path, work: Work) -> None:
        (folder / "settings.json").write_text(json.dumps({"first": 0, "here": 2}))
        self._out = folder / "out.jsonl"
        self._pids = folder / "pids"
        self._pids.mkdir()
        inner, self.stdin = os.pipe()
        self.process: BaseProcess = multiprocessing.get_context("fork").Process(
            target=self._main, args=[folder, work, inner]
        )
        self.process.start()
        os.close(inner)

    def _main(self, folder: Path, work: Work, stdin: int) -> None:
        os.setsid()
        os.close(self.stdin)
        os.dup2(stdin, 0)
        ranks._out = os.open(self._out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        ranks._CONSEQUENCE_SECONDS = 0.3

        def train(rank: int, _folder: Path, _settings: dict[str, Any]) -> None:
            (self._pids / str(os.getpid())).touch()
            self.ranks()  # one that fails at once would else end the other before it is known
            work(rank)

        ranks._train = train
        sys.argv = ["ranks", str(folder)]
        ranks.main()

    def told(self) -> list[dict[str, Any]]:
        """What it has told by its end."""
        self.process.join(20)
        assert self.process.exitcode is not None
        return [json.loads(line) for line in self._out.read_text().splitlines()]

    def ranks(self) -> list[int]:
        """Process ids of both ranks, once they work."""
        wait_until(lambda: len(list(self._pids.iterdir())) == 2)
        return [int(file.name) for file in self._pids.iterdir()]


def wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def have_ended(pids: list[int]) -> bool:
    return not any(
        psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        for pid in pids
    )


def test_a_rank_that_the_system_kills_is_named_and_the_others_end(tmp_path: Path) -> None:
    """The other fails at once, for the want of the first; that is not what is told first."""

    def work(rank: int) -> None:
        if rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        raise ConnectionError("connection closed by peer")

    launcher = Launcher(tmp_path, work)
    (first, *_) = launcher.told()
    assert first["error"][0] == "TrainingError"
    assert first["error"][1].startswith("process 1 of training was ended by signal SIGKILL; see ")
    wait_until(lambda: have_ended(launcher.ranks()))


def test_an_error_of_a_rank_is_told_with_its_type_and_the_others_end(tmp_path: Path) -> None:
    def work(rank: int) -> None:
        if rank == 0:
            raise TrainingError("the loss of step 1 is nan")
        time.sleep(600)

    launcher = Launcher(tmp_path, work)
    assert launcher.told() == [{"error": ["TrainingError", "the loss of step 1 is nan"]}]
    wait_until(lambda: have_ended(launcher.ranks()))


def test_a_defect_of_a_rank_is_told_and_its_traceback_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def work(rank: int) -> None:
        if rank == 1:
            raise KeyError("weights")
        time.sleep(600)

    launcher = Launcher(tmp_path, work)
    assert launcher.told() == [{"defect": "process 1 of training failed; its traceback is above"}]
    assert "KeyError: 'weights'" in capfd.readouterr().err


def test_ranks_that_are_done_end_in_silence(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, lambda rank: None)
    assert launcher.told() == []
    assert launcher.process.exitcode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_ranks_end_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, lambda rank: time.sleep(600))
    pids = launcher.ranks()
    launcher.process.kill()
    launcher.process.join()
    wait_until(lambda: have_ended(pids))


def test_all_end_with_their_input(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, lambda rank: time.sleep(600))
    pids = launcher.ranks()
    os.close(launcher.stdin)
    wait_until(lambda: have_ended(pids))
    launcher.process.join(20)
    assert launcher.process.exitcode == -signal.SIGKILL
