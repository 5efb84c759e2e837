"""``rsft prompts``: what is trained on, and adding to it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from rsft.cli.app import app, workspace_and_config
from rsft.report.plain import plain
from rsft.report.sheet import plain_console

prompts = typer.Typer(help="Tell the versions of the training prompts, or add to them.")
app.add_typer(prompts, name="prompts")

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@prompts.callback(invoke_without_command=True)
def versions(context: typer.Context, as_json: _Json = False) -> None:
    """Tell the versions of the training prompts, the oldest first."""
    if context.invoked_subcommand is not None:
        return
    from rsft.lineage import read_additions
    from rsft.report.prompts import version_lines
    from rsft.runs.intake import current_version

    _, config = workspace_and_config()
    additions, fingerprint = read_additions(), current_version(config)
    if as_json:
        print(json.dumps({"fingerprint": fingerprint, "additions": additions}, indent=2))
        return
    console = plain_console(soft_wrap=True, highlight=False)
    for line in version_lines(additions, fingerprint):
        console.print(line)


@prompts.command()
def add(
    file: Annotated[
        Path, typer.Argument(help="JSON Lines, with the fields that prompts.files names.")
    ],
    wait: Annotated[bool, typer.Option(help="Wait where a run holds the workspace.")] = False,
    as_json: _Json = False,
) -> None:
    """Add a file's new prompts to those that are trained on, and tell the retraining."""
    from rsft.lineage import uncommitted
    from rsft.report.prompts import addition_lines
    from rsft.report.status import uncommitted_text
    from rsft.runs.intake import take_in, take_upstream

    named = file.absolute()
    workspace, config = workspace_and_config()
    console = plain_console(stderr=as_json, soft_wrap=True, highlight=False)

    def say(holder: str) -> None:
        console.print(escape(f"waiting for {holder}"))

    newer = take_upstream(workspace, config, on_wait=say if wait else None)
    if newer is not None:
        for line in addition_lines(newer.as_dict()):
            console.print(line)
    addition = take_in(workspace, config, named, on_wait=say if wait else None)
    for line in addition_lines(addition.as_dict()):
        console.print(line)
    unsent, is_new = None, any(one.new for one in (newer, addition) if one is not None)
    if is_new:
        from flows.prompts import announce_by_hand

        unsent = announce_by_hand(workspace)
        if unsent is not None:
            console.print(escape(f"no event was sent: {unsent}; the next schedule sees them"))
        elif edited := uncommitted(workspace.home):
            console.print(f"[yellow]{escape(plain(uncommitted_text(edited)))}[/]")
    if as_json:
        is_sent = is_new and unsent is None
        print(json.dumps(addition.as_dict() | {"event_sent": is_sent}, indent=2))
    if not addition.new + addition.known:
        raise typer.Exit(1)
