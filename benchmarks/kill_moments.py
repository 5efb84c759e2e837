"""Watching a run from outside: when each of its steps ends, and killing it within one."""

import os
import re
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.forks import Command

ENDING = ("snapshot", "push", "register", "promote", "report")
"""What follows the stages of ``dvc.yaml``."""
_DONE = re.compile(r"^  (\S+) +(ran|reused) +([\d.]+) s$", re.MULTILINE)
_LOOK_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a run is killed."""

    step: str
    """The step that it is aimed at."""
    before: str | None
    """The step whose end it begins with; null for the first."""
    delay: float
    """Seconds since then."""


def watch(run: Command, folder: Path, steps: Sequence[str]) -> dict[str, float]:
    """Watches a run that is undisturbed.

    Returns:
        Seconds since now at which each step had ended, by name.
    """
    started, ended = time.perf_counter(), dict[str, float]()
    while not run.is_over():
        now = time.perf_counter() - started
        ended |= {step: now for step in finished(folder, run.output) if step not in ended}
        time.sleep(_LOOK_SECONDS)
    assert run.wait() == 0, run.output.read_text()
    assert {*ended} == {*steps}, ended
    return ended


def kill(run: Command, folder: Path, moment: Moment) -> list[str]:
    """Kills a run that has just begun, and all that it has started.

    Returns:
        The steps that it had finished.
    """
    while moment.before is not None and moment.before not in finished(folder, run.output):
        if run.is_over():
            break
        time.sleep(_LOOK_SECONDS)
    time.sleep(moment.delay)
    with suppress(ProcessLookupError):  # it was faster than the undisturbed one
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return finished(folder, run.output)


def finished(folder: Path, output: Path) -> list[str]:
    """The steps that a first run has finished, by what it has printed and left."""
    tags, owed = folder / ".git" / "refs" / "tags", folder / ".rsft" / "unpushed"
    is_pinned = any(tags.glob("run/*"))
    is_done = {
        "start": (folder / ".rsft" / "holder.json").exists(),
        "snapshot": is_pinned,
        "push": is_pinned and not any(owed.glob("*")),
        "register": any(tags.glob("*@v1.0.0")),
        "promote": any(tags.glob("verdict/*/*/*")),
        "report": (folder / "data" / "run.json").exists(),
    }
    return [*stages_of(output.read_text()), *(step for step in is_done if is_done[step])]


def stages_of(printed: str) -> dict[str, tuple[str, float]]:
    """Outcome and seconds by name of each stage that a run says is done."""
    return {name: (how, float(seconds)) for name, how, seconds in _DONE.findall(printed)}
