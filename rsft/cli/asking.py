"""``rsft ask``: the champion answers."""

from typing import Annotated

import typer

from rsft.cli.app import app, workspace_and_config


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question in plain text.")],
    model: Annotated[
        str | None, typer.Option(help="NAME@ALIAS or NAME/VERSION; by default the champion.")
    ] = None,
) -> None:
    """Answer a question with the champion."""
    from rsft.runs.ask import ask_model

    workspace, config = workspace_and_config()
    answered = ask_model(config, workspace.home, question, model)
    for line in answered.steps or [answered.completion]:
        print(line)
    print(f"answer: {answered.outcome if answered.outcome is not None else 'none found'}")
