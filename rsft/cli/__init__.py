"""The command line, one file per group of commands."""

import sys

from rich.console import Console
from rich.markup import escape

from rsft.cli import asking, lineage, replay, running, servers, sweep  # noqa: F401  # they register
from rsft.cli.app import app
from rsft.errors import RsftError


def main() -> None:
    """Entry point: runs a command, and turns the world's errors into one line."""
    try:
        app()
    except RsftError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
