"""A server at work, in a group of processes of its own: until it answers, and to the end."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.flows.conftest import wait_until


@contextmanager
def serving(
    command: Sequence[str],
    log: Path,
    answers: Callable[[], bool],
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[None]:
    """Runs a server's command until the end; it is killed then.

    Args:
        command: Its command line.
        log: What it prints goes to its end.
        answers: Whether it is ready.
        folder: Where it works.
        environment: All its variables.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            wait_until(lambda: process.poll() is not None or answers(), f"the server of {log}")
            assert process.poll() is None, log.read_text()
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
