"""Stage ``monitor``: whether a round's policy is handed on, and whether the rounds go on."""

from rsft.config import Config
from rsft.stages.command import run_as_command
from rsft.types import Progress


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``monitor.json``, ``heldout/`` and, of a round, ``model/``; key 0 is the base."""
    raise NotImplementedError


if __name__ == "__main__":
    run_as_command(run)
