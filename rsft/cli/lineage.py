"""``rsft lineage``: what a model came from."""

import json
from typing import Annotated

import typer

from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console


@app.command()
def lineage(
    model: Annotated[
        str, typer.Argument(help="NAME@ALIAS or NAME/VERSION, such as rsft@champion.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print what a model version came from."""
    from rsft.report.lineage import lineage_tree
    from rsft.runs.origin import trace_origin

    workspace, config = workspace_and_config()
    origin = trace_origin(config, workspace, model)
    if as_json:
        print(json.dumps(origin, indent=2))
    else:
        # Wider than any line of it: a tree is cut at the console's width, and hashes must not be.
        plain_console(width=1000, soft_wrap=True).print(lineage_tree(origin))
