"""``rsft gc``: housekeeping."""

import json
from typing import Annotated, Any

import typer

from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console


@app.command()
def gc(
    remote: Annotated[
        bool,
        typer.Option(
            "--remote",
            help="Free the DVC remote, too; fetch the tags of all who push to it before.",
        ),
    ] = False,
    dry: Annotated[bool, typer.Option("--dry", help="Only show what nothing names.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Free it without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Free what no run, version or checkout names any more, after showing what that is."""
    from rsft.registry import Registry
    from rsft.report.gc import size_text, unused_lines
    from rsft.runs.gc import find_unused, hold_everything

    workspace, config = workspace_and_config()
    registry = Registry.open(workspace.home, config.register_.tracking_uri)
    console = plain_console(stderr=as_json, soft_wrap=True, highlight=False)
    with hold_everything(workspace):
        unused = find_unused(workspace, registry, with_remote=remote)
        found = [_told(each, as_json) for each in unused]
        size = size_text(sum(kind["bytes"] for kind in found))
        console.print("\n".join(unused_lines(found)) or "everything here is named by something")
        if unused and not dry:
            if not yes and not typer.confirm(f"free {size} for good?", err=as_json):
                raise typer.Exit(1)
            for each in unused:
                each.free()
            console.print(f"freed {size}")
    if as_json:
        print(json.dumps({"is_freed": bool(unused) and not dry, "unused": found}, indent=2))


def _told(unused: Any, is_whole: bool) -> dict[str, Any]:
    """A kind of what nothing names; whole with its names."""
    sizes = unused.sizes
    told = {"kind": unused.kind, "count": len(sizes), "bytes": sum(sizes.values())}
    return told | ({"names": sorted(sizes)} if is_whole else {})
