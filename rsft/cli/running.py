"""``rsft run``: the main job."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from rsft.cli.app import app
from rsft.environment import prepare_environment
from rsft.report.sheet import plain_console


@app.command()
def run(
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SECTION.KEY=VALUE", help="Write a setting into params.yaml first."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document last.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait where another run holds the workspace.")] = False,
    if_new: Annotated[
        bool, typer.Option("--if-new", help="Only where retrain.min_new_prompts are new.")
    ] = False,
) -> None:
    """Retrain: sample, accept, validate, fine-tune, evaluate, register, promote."""
    from rsft.config import PARAMS, load_config, set_values
    from rsft.lineage import Workspace
    from rsft.report.display import ConsoleDisplay, set_display
    from rsft.servers import use_stack

    workspace = Workspace.open()
    workspace.enter()
    # Written once the workspace is held; a mistake in them is told at once.
    config = set_values(PARAMS, settings, dry_run=True) if settings else load_config()
    if not wait:  # else it would be a failed run on Prefect's page
        workspace.require_free()
    prepare_environment(workspace.home)
    use_stack(workspace.home)
    console = plain_console(stderr=as_json, soft_wrap=True)
    console.print(f"[bold]rsft[/] {config.round_count} rounds in {escape(str(workspace.root))}")
    from flows.retrain import retrain
    from flows.run import require_server

    require_server()
    set_display(ConsoleDisplay(console))
    try:
        summary: Any = retrain(settings=settings, wait=wait, needs_new=if_new)
    except KeyboardInterrupt:
        console.print("interrupted; what is finished is kept, and `rsft run` goes on from it")
        raise
    if "skipped" in summary:
        console.print(escape(summary["skipped"]))
    else:
        _show_result(console, summary)
    if as_json:
        print(json.dumps(summary, indent=2))


def _show_result(console: Console, summary: dict[str, Any]) -> None:
    from rsft.report.tables import result_sheets

    seconds, model = summary["seconds"], summary["model"]
    for sheet in result_sheets(summary):
        console.print()
        console.print(sheet)
    console.print()
    alias = f"@{model['alias']}" if model["alias"] else "without an alias"
    title = f"{model['name']} version {model['version']} {alias}"
    if model["version"] is None:
        title = f"{model['name']} without a version"
    console.print(f"[bold]{title}[/]: {escape(model['reason'])}")
    console.print(
        f"{summary['tag']} took {seconds['total']:.0f} s: {seconds['stages']:.0f} s in the stages, "
        f"{seconds['orchestration']:.0f} s around them"
    )
