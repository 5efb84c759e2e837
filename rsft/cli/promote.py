"""``rsft promote``: the gate."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.markup import escape

from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console


@app.command()
def promote(
    version: Annotated[
        str | None,
        typer.Argument(help="A number, NAME/VERSION or NAME@ALIAS; by default the challenger."),
    ] = None,
    approve: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Say yes in this name, where the policy asks a person."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="The same, in git's user.name.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Judge a version, and make it the champion if it is shown to be better; exit code 1 if not."""
    workspace, config = workspace_and_config()
    from rsft.promotion import named_version

    # Prefect takes seconds to start: who names a version that is not there is told so at once.
    entry = named_version(workspace, config.register_.name, version)
    name = approve or (_git_name(workspace) if yes else None)
    from flows.promote import promote as promote_flow
    from flows.run import require_server
    from rsft.report.verdict import verdict_lines

    require_server()
    verdict: dict[str, Any] | None = promote_flow(version=version, approved_by=name, reason=reason)
    if as_json:
        print(json.dumps(verdict, indent=2, ensure_ascii=False))
    elif verdict is None:
        named = config.register_.name if entry is None else entry.name
        plain_console(soft_wrap=True).print(escape(_nothing_to_judge(workspace, named)))
    else:
        plain_console(soft_wrap=True).print(verdict_lines(verdict))
    if verdict is not None and not verdict["is_promoted"]:
        sys.exit(1)


def _nothing_to_judge(workspace: Any, name: str) -> str:
    from rsft.lineage import in_service, read_record

    serving = in_service(read_record(workspace), name)
    told = "none serves" if serving is None else f"version {serving.version} is the champion"
    return f"{name}: nothing to judge; {told}"


def _git_name(workspace: Any) -> str:
    from rsft.errors import WorkspaceError
    from rsft.lineage.git import run_git

    try:
        return run_git(workspace.root, "config", "user.name")
    except WorkspaceError:
        raise WorkspaceError("git has no user.name; say who approves: --approve NAME") from None
