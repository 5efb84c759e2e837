"""``rsft status``: where things stand."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from rsft.addresses import hide_secrets
from rsft.cli.app import app
from rsft.errors import WorkspaceError
from rsft.report.sheet import plain_console


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the last and next runs, what serves, what waits for a person, and what is owed."""
    from rsft.lineage import Workspace
    from rsft.report.status import status_lines
    from rsft.runs.standing import tell_standing
    from rsft.servers import find_stack, use_stack

    workspace = Workspace.open()
    stack = find_stack(workspace.home)
    address = use_stack(workspace.home)
    prefect, problem = _ask(address)
    told = {
        "up": None if stack is None else asdict(stack),
        "prefect_address": address,
        "prefect_problem": problem,
        "prefect": prefect,
        **tell_standing(workspace),
    }
    told = hide_secrets(told)
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        plain_console(soft_wrap=True).print(status_lines(told))


def _ask(address: str | None) -> tuple[dict[str, Any] | None, str | None]:
    """What Prefect's server knows, or why that is not known."""
    from flows.overview import ask_server

    if not address:
        return None, "no server is known; `rsft up` starts one"
    try:
        return ask_server(address), None
    except WorkspaceError as error:
        return None, str(error)
