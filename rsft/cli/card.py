"""``rsft card``: what a model is, for whoever may use it."""

from typing import Annotated

import typer

from rsft.cli.app import app, workspace_and_config
from rsft.errors import LineageError


@app.command()
def card(
    model: Annotated[
        str, typer.Argument(help="A version, an alias or a run, such as rsft@champion.")
    ] = "@champion",
) -> None:
    """Print a model's card as Markdown: data, method, figures, limits, licences, how to ask it."""
    from rsft.report.card import model_card
    from rsft.runs.subjects import find_subject

    workspace, config = workspace_and_config()
    found = find_subject(workspace, model, config.register_.name)
    if found.dataset is not None:
        raise LineageError(
            f"{model!r} is a data set, and a card is a model's; name a version, an alias or a run, "
            f"such as {found.run.run_id}"
        )
    print(model_card(found.run.manifest), end="")
