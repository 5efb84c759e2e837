"""The command line, one file per group of commands."""

import sys
from pathlib import Path

from rich.markup import escape

from rsft.addresses import without_secrets
from rsft.cli import (  # noqa: F401  # they register
    alerts,
    asking,
    audit,
    card,
    gc,
    history,
    joining,
    lineage,
    promote,
    prompts,
    replay,
    rows,
    running,
    servers,
    status,
    sweep,
)
from rsft.cli.app import app
from rsft.errors import RsftError
from rsft.lineage import told_where_full, unparsed
from rsft.report.plain import plain
from rsft.report.sheet import plain_console


def main() -> None:
    """Entry point: runs a command, and turns the world's errors into one line."""
    try:
        try:
            with told_where_full("the result", Path.cwd()):
                app()
        except SyntaxError as error:  # code that a command imports
            raise unparsed(error, error.filename) from None
    except RsftError as error:
        told = escape(plain(without_secrets(str(error)), keep="\n"))
        plain_console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {told}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
