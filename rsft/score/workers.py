"""The workers that rule-based rewards are judged in: shared by a process, started when needed.

A rule may hang on a hostile completion, and a function of the user's may do anything. Neither can
be stopped in this process; so they are asked in others, which are killed past
``score.timeout_seconds`` and replaced. Judging is a function of the prompt and the completion
alone, hence the same whatever the number of workers.
"""

import atexit
import json
import os
import selectors
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from rsft.config import ScoreSection, is_own
from rsft.errors import VerifierError
from rsft.score.batch import Batch, Unit
from rsft.score.child import Child
from rsft.score.pipe import IDLE, LOAD_SECONDS, LOADING, Position
from rsft.score.reward import Asked, Score
from rsft.types import Progress

WORKERS = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, 16)
_LOOK_SECONDS = 0.25
"""How often the clock is looked at, at least."""


class Workers:
    """Some workers under one set of settings."""

    def __init__(self, section: ScoreSection, count: int) -> None:
        self._timeout = section.timeout_seconds
        self._look_seconds = min(_LOOK_SECONDS, self._timeout / 4)
        self._settings = section.model_dump_json().encode() + b"\n"
        self._count = count
        self._children: list[Child[Unit]] = []

    def judge(
        self, names: Sequence[str], asked: Sequence[Asked], progress: Progress | None = None
    ) -> dict[str, list[list[Score]]]:
        """Has rewards asked; without anything to ask, they are only imported.

        Args:
            names: Which.
            asked: Prompts with their completions.
            progress: Told of completions.

        Returns:
            By name of the reward, one list a prompt.

        Raises:
            VerifierError: Where a reward cannot be imported, or is broken as such.
        """
        batch = Batch(names, asked, self._count)
        looked = time.monotonic()
        try:
            self._share_out(batch, at_least_one=True)
            while any(child.chunk is not None for child in self._children):
                self._wait()
                now = time.monotonic()
                seconds, looked = min(now - looked, 2 * self._look_seconds), now
                for child in list(self._children):
                    if child.chunk is not None:
                        self._attend(child, batch, seconds)
                self._share_out(batch)
                if progress is not None:
                    progress(batch.done, batch.total)
        except BaseException:
            self.end()  # what they are at is of no use to the next
            raise
        return batch.by_name()

    def end(self) -> None:
        """Ends all of them; they start anew when they are needed."""
        for child in self._children:
            child.end()
        self._children.clear()

    def _share_out(self, batch: Batch, *, at_least_one: bool = False) -> None:
        """Gives a chunk to each that is idle; starts more as long as there is work."""
        idle = [child for child in self._children if child.chunk is None]
        while batch.is_waiting or at_least_one:
            if not idle and len(self._children) < self._count:
                idle.append(Child(self._settings))
                self._children.append(idle[-1])
            if not idle:
                return
            idle.pop().give(*batch.take())
            at_least_one = False

    def _wait(self) -> None:
        """Waits until there is something to read or to send, or it is time to look at the clock."""
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                if child.chunk is not None:
                    selector.register(child.output, selectors.EVENT_READ)
                if child.has_unsent:
                    selector.register(child.input, selectors.EVENT_WRITE, child)
            for key, _ in selector.select(self._look_seconds):
                if key.data is not None:
                    key.data.send()

    def _attend(self, child: Child[Unit], batch: Batch, seconds: float) -> None:
        """Takes what a worker has told, and sees whether it is in order."""
        was_alive = child.is_alive  # before reading: what a dead one has left is all there
        for text in child.lines():
            message = json.loads(text)
            if "defect" in message:
                raise VerifierError(message["defect"])
            assert child.chunk is not None
            told = message["scores"]
            batch.record(child.chunk[child.done : child.done + len(told)], told)
            child.done += len(told)
            if message["is_last"]:
                child.chunk, child.has_worked = None, True
        child.watch(seconds)
        if child.chunk is not None and (not was_alive or self._is_late(child)):
            self._replace(child, batch, is_late=was_alive)

    def _is_late(self, child: Child[Unit]) -> bool:
        return child.watched > self._limit(child.position)

    def _limit(self, position: Position) -> float:
        return LOAD_SECONDS if position.unit in {IDLE, LOADING} else self._timeout

    def _replace(self, child: Child[Unit], batch: Batch, *, is_late: bool) -> None:
        """Ends a worker, and has what it was at judged by others."""
        child.end()
        self._children.remove(child)
        assert child.chunk is not None
        position = child.position
        went_on = is_late and position != child.seen  # just before it was ended
        ended_idle = not is_late and position.unit == IDLE and child.has_worked
        if went_on or ended_idle:
            batch.give_back(child.chunk[child.done :])
            return
        note = f"took more than {self._limit(position):g} s" if is_late else child.ending
        if position.unit == LOADING:
            raise VerifierError(f"score.rewards.{batch.names[position.part]}, imported, {note}")
        if position.unit == IDLE:
            raise VerifierError(f"score.rewards: between two completions, a worker {note}")
        batch.take_apart(child.chunk, child.done, position, note)


_lock = Lock()
_shared: dict[tuple[str, Path | None, int], Workers] = {}
"""Those of the settings last asked for, of the folder that functions lie in, so many: one entry."""


def judge_in_workers(
    section: ScoreSection,
    names: Sequence[str],
    asked: Sequence[Asked],
    progress: Progress | None = None,
    *,
    count: int = WORKERS,
) -> dict[str, list[list[Score]]]:
    """``Workers.judge`` by the workers that this process shares, of these settings and this folder.

    They are started when first asked, stay for later calls, and end with the process.
    """
    with _lock:
        looks_here = any(map(is_own, (*section.rewards, *names)))
        key = section.model_dump_json(), Path.cwd() if looks_here else None, count
        if key not in _shared:
            end_workers()
            _shared[key] = Workers(section, count)
        return _shared[key].judge(names, asked, progress)


def end_workers() -> None:
    """Ends the shared workers, if there are any."""
    for workers in _shared.values():
        workers.end()
    _shared.clear()


atexit.register(end_workers)
os.register_at_fork(after_in_child=_shared.clear)  # they are the parent's
