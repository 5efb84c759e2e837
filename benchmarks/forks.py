"""Commands of a workspace as forks of one process that has imported what they import.

    python -m benchmarks.forks

That takes most of the time of a tiny run. It reads arguments, and the file to print to, as a line
of JSON each; answers with the id of the process, which leads a group of its own, and with how it
has ended.
"""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rsft.environment import prepare_environment
from tests.workspaces import clean_environment

_IMPORTED = (
    *("flows.retrain", "rsft.cli", "rsft.audit", "rsft.runs.docs", "rsft.registry"),
    *("rsft.stages." + name for name in ("base", "generate", "score", "filter", "pool")),
    *("rsft.stages." + name for name in ("validate", "finetune", "monitor", "evaluate", "control")),
    *("mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store"),
    *("mlflow.store.model_registry.sqlalchemy_store", "great_expectations", "dvc.repo"),
    *("torch", "transformers", "dvc_data.hashfile.build", "rsft.validate.gate"),
)


@dataclass(kw_only=True)
class Command:
    """A command at work."""

    process: subprocess.Popen[str]
    """Whom it was forked from."""
    pid: int
    """Its process, and its group."""
    output: Path
    """What it prints to."""

    def is_over(self) -> bool:
        """Whether it has ended; asked no more once ``wait`` was."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def wait(self) -> int:
        """Its exit code, once it has ended; −9 where it was killed."""
        return int(_answer(self.process))


class Forks:
    """Starts the commands of a checkout, one at a time."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.forks"],
            cwd=folder,
            env=clean_environment(folder, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def start(self, output: Path, *arguments: str) -> Command:
        """Starts a command."""
        assert self._process.stdin is not None
        output.write_bytes(b"")  # what an earlier one printed is not to be taken for its
        self._process.stdin.write(json.dumps([str(output), *arguments]) + "\n")
        return Command(process=self._process, pid=int(_answer(self._process)), output=output)

    def close(self) -> None:
        """Ends the process that is forked."""
        self._process.communicate()


def main() -> None:
    """Forks for each line until there are no more."""
    prepare_environment(Path.cwd())
    for name in _IMPORTED:
        import_module(name)
    assert threading.active_count() == 1, "a thread would be missing in the forks"
    for line in sys.stdin:
        output, *arguments = json.loads(line)
        process = os.fork()
        if process == 0:
            _work(output, arguments)
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def _work(output: str, arguments: list[str]) -> None:
    """Does what ``rsft`` does, and ends."""
    os.setsid()
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(target, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["rsft", *arguments]
    code: object = 0
    try:
        import_module("rsft.cli").main()
    except SystemExit as left:
        code = left.code
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    told = process.stdout.readline()
    assert told, f"the process that is forked ended with {process.wait()}"
    return told


if __name__ == "__main__":
    main()
