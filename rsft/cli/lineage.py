"""``rsft lineage``: what a model, a run or a data set came from."""

import json
from typing import Annotated

import typer

from rsft.cli.app import app
from rsft.report.sheet import plain_console

_NARROWEST = 80
"""Columns that a hash is never folded within."""


@app.command()
def lineage(
    subject: Annotated[
        str,
        typer.Argument(
            help="rsft@champion, rsft/3, a run's id, a data set's path or hash.",
            metavar="MODEL|RUN|DATASET",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print what a model, a run or a data set came from, back to every data set."""
    from rsft.lineage import Workspace
    from rsft.report.lineage import lineage_tree
    from rsft.runs.origin import trace_origin
    from rsft.runs.subjects import find_subject, model_name

    workspace = Workspace.open()
    found = find_subject(workspace, subject, model_name(workspace))
    origin = trace_origin(workspace, found)
    if as_json:
        print(json.dumps(origin, indent=2))
    else:
        console = plain_console()
        console.width = max(console.width, _NARROWEST)
        console.print(lineage_tree(origin))
