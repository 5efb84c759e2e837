"""Having a run outlive the worker that has started it and reads what it prints."""

import os

from rich.console import Console

_OUTPUTS = (1, 2)


def outlive_worker() -> None:
    """Has this process go on where nobody reads any more what it prints.

    Prefect prints its log with rich, which ends a process then, in the middle of a stage. The
    server has the log all the same.
    """
    Console.on_broken_pipe = _go_on  # type: ignore[assignment, method-assign]


def _go_on(console: Console) -> None:
    console.quiet = True
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in _OUTPUTS:
        os.dup2(nowhere, output)
    os.close(nowhere)
