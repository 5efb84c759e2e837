"""What a worker on another machine is held against, and the files that it is sent.

A part is byte-identical on machines of the same kind, whoever computes it. So a worker that is of
another kind is refused by name, and nothing of what it needs is taken from its own disk.
"""

import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rsft.errors import EngineError

Files = Mapping[str, np.ndarray]
"""Bytes by path: arrays, which Ray keeps once a node."""


def refuse_unlike(here: Mapping[str, str], worker: Mapping[str, str], other_rows: str) -> None:
    """Refuses this worker where it is not like the machine that the stage runs on.

    Args:
        here: That machine.
        worker: This one.
        other_rows: What it would do, for the message.

    Raises:
        EngineError: Naming the worker's machine and what it differs in.
    """
    for name, found in worker.items():
        if found != here[name]:
            raise EngineError(
                f"ray: a worker on {platform.node()} differs in its {name} ({found}; here "
                f"{here[name]}), so that it would {other_rows}; make the nodes alike"
            )


def read_files(folder: Path, base: Path) -> dict[str, np.ndarray]:
    """The files below a folder, by their path from a base."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(base)): np.fromfile(file, np.uint8) for file in files}


def write_files(files: Files, base: Path) -> None:
    """Writes files that were read, below another base."""
    for path, content in files.items():
        file = base / path
        file.parent.mkdir(parents=True, exist_ok=True)
        content.tofile(file)
