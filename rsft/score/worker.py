"""A worker: a process that asks rule-based rewards, and that can be killed where one hangs.

    python -m rsft.score.worker FD

It reads chunks from standard input and writes scores to standard output, as ``rsft.score.pipe``
says; FD is a file of one page, in which it notes what it is at. It ends when its input does, so
that it does not outlive the process that started it, whatever becomes of that.

Rewards of users share this process. So standard output is put aside before they are imported (what
they print goes to standard error), memory is bounded, and a copy that one forks off does not go
on here.
"""

import json
import mmap
import os
import resource
import signal
import sys
import time
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, BinaryIO

from rsft.config import ScoreSection
from rsft.errors import RsftError
from rsft.score.guard import judge
from rsft.score.named import reward_named
from rsft.score.own import OwnReward, search_raw_first
from rsft.score.pipe import (
    IDLE,
    LOAD_SECONDS,
    LOADING,
    OUT_OF_MEMORY,
    Position,
    line,
    pack_score,
    unpack_prompt,
    write_position,
)
from rsft.score.reward import Reward
from rsft.types import Completion

MEMORY_GIB = 4
"""Address space of a worker; a reward that wants more is stopped."""
_ORPHAN_SECONDS = 60.0
"""Past the time-out: who should have killed this process is dead itself."""
_IDLE_SECONDS = 30.0
"""How often a worker without work says that it is well."""
_FLUSH_SECONDS = 0.2
"""What was judged is told at least so often: a killed worker takes the rest with it."""


def main() -> None:
    """Works until the input ends."""
    page = mmap.mmap(int(sys.argv[1]), mmap.PAGESIZE)
    lines, out = _take_pipes()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, MEMORY_GIB << 30)
    worker = Worker(ScoreSection.model_validate_json(lines.get()), page, out)
    search_raw_first()
    try:
        while True:
            worker.work(json.loads(worker.next_line(lines)))
    except RsftError as error:
        out.write(line({"defect": str(error)}))
        out.flush()
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # what else is broken in here is not known


def _take_pipes() -> tuple["SimpleQueue[bytes]", BinaryIO]:
    """The lines of standard input as they come, and standard output; nobody else has them now."""
    source, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # a device
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    lines: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        try:
            for text in source:
                lines.put(text)
        finally:
            if os.getpgrp() == os.getpid():
                os.killpg(0, signal.SIGKILL)  # with whatever a reward started
            os._exit(0)

    Thread(target=read, daemon=True).start()
    return lines, out


def _limit(what: int, value: int) -> None:
    """Sets a limit, unless there is a lower one."""
    _, most = resource.getrlimit(what)
    least = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(what, (least, least))


class Worker:
    """The rewards asked for so far, and the way back."""

    def __init__(self, section: ScoreSection, page: Any, out: BinaryIO) -> None:
        self._section = section
        self._patience = max(section.timeout_seconds, LOAD_SECONDS) + _ORPHAN_SECONDS
        self._page = page
        self._out = out
        self._process = os.getpid()
        self._rewards: dict[str, Reward] = {}
        self._flushed = time.monotonic()
        self._at(LOADING)

    def next_line(self, lines: "SimpleQueue[bytes]") -> bytes:
        """The next chunk's line."""
        while True:
            try:
                return lines.get(timeout=_IDLE_SECONDS)
            except Empty:
                self._at(IDLE)

    def work(self, chunk: dict[str, Any]) -> None:
        """Judges a chunk and tells the scores."""
        names = chunk["parts"]
        rewards = [self._reward(number, name) for number, name in enumerate(names)]
        scores: list[Any] = []
        for number, (parts, values, texts) in enumerate(chunk["units"]):
            prompt = unpack_prompt(values)
            completions = [Completion(text=text) for text in texts]
            told = []
            for part in parts:
                self._at(number, part)
                try:
                    judged = judge(names[part], rewards[part], prompt, completions)
                finally:
                    if os.getpid() != self._process:
                        os._exit(0)
                told.append([pack_score(score) for score in judged])
            scores.append(told)
            if time.monotonic() - self._flushed > _FLUSH_SECONDS:
                self._tell(scores)
                scores = []
        self._at(IDLE)
        self._tell(scores, is_last=True)

    def _reward(self, number: int, name: str) -> Reward:
        if name not in self._rewards:
            self._at(LOADING, number)
            reward = reward_named(name, self._section)
            if isinstance(reward, OwnReward):
                reward.load()
            self._rewards[name] = reward
        return self._rewards[name]

    def _at(self, unit: int, part: int = 0) -> None:
        write_position(self._page, Position(unit, part, time.monotonic()))
        # A reward that lets no other thread run keeps the input's end from being seen.
        signal.setitimer(signal.ITIMER_REAL, self._patience)

    def _tell(self, scores: list[Any], *, is_last: bool = False) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)  # a parent that is stopped hears it later
        self._out.write(line({"scores": scores, "is_last": is_last}))
        self._out.flush()
        self._flushed = time.monotonic()


if __name__ == "__main__":
    main()
