"""The application that the commands are registered with, and what they share.

Errors of the world are one line after ``error:`` and exit code 2; a defect of ours is a traceback.
What takes seconds to import is imported by the command that needs it.
"""

from pathlib import Path
from typing import Any

import typer

from rsft.environment import prepare_environment

app = typer.Typer(
    help="Rejection-sampling fine-tuning as a retraining pipeline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def workspace_and_config() -> tuple[Any, Any]:
    """The workspace of the current folder, entered, and its settings; Prefect's server is known."""
    from rsft.config import load_config
    from rsft.lineage import Workspace
    from rsft.servers import use_stack

    workspace = Workspace.open()
    workspace.enter()
    prepare_environment(workspace.home)
    use_stack(workspace.home)
    return workspace, load_config(Path("params.yaml"))
