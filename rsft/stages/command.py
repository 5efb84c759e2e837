"""What ``python -m rsft.stages.<name> [key]`` does around a stage function."""

import sys
from collections.abc import Callable

from rsft.config import Config, load_config
from rsft.errors import RsftError
from rsft.types import Progress

StageFunction = Callable[[Config, str, Progress], None]
"""Takes the settings, the stage's key (round or control; empty where it has none), progress."""


def run_as_command(stage: StageFunction) -> None:
    """Runs a stage for ``dvc repro``: settings from ``params.yaml``, one line for an error."""
    try:
        stage(load_config(), sys.argv[1] if len(sys.argv) > 1 else "", silent)
    except RsftError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def silent(done: int, total: int, note: str = "") -> None:
    """Progress that nobody watches."""
