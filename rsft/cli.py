"""The command line: ``rsft run``, ``sweep``, ``ask``, ``lineage`` and ``up``.

Errors of the world are one line after ``error:`` and exit code 2; a defect of ours is a traceback.
What takes seconds to import is imported by the command that needs it.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from rsft.environment import prepare_environment
from rsft.errors import RsftError
from rsft.report.sheet import plain_console

app = typer.Typer(
    help="Rejection-sampling fine-tuning as a retraining pipeline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point: runs a command, and turns the world's errors into one line."""
    try:
        app()
    except RsftError as error:
        plain_console(stderr=True, soft_wrap=True).print(
            f"[bold red]error:[/] {escape(str(error))}"
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


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
) -> None:
    """Retrain: sample, accept, validate, fine-tune, evaluate, register, promote."""
    from rsft.config import PARAMS, load_config, set_values
    from rsft.lineage import Workspace
    from rsft.report.display import ConsoleDisplay, set_display

    workspace = Workspace.open()
    workspace.enter()
    # Written once the workspace is held; a mistake in them is told at once.
    config = set_values(PARAMS, settings, dry_run=True) if settings else load_config()
    prepare_environment(workspace.home)
    console = plain_console(stderr=as_json, soft_wrap=True)
    console.print(f"[bold]rsft[/] {config.round_count} rounds in {escape(str(workspace.root))}")
    from flows.retrain import retrain
    from flows.run import require_server

    require_server()
    set_display(ConsoleDisplay(console))
    try:
        summary = retrain(settings=settings, wait=wait)
    except KeyboardInterrupt:
        console.print("interrupted; what is finished is kept, and `rsft run` goes on from it")
        raise
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
    console.print(f"[bold]{title}[/]: {escape(model['reason'])}")
    console.print(
        f"{summary['tag']} took {seconds['total']:.0f} s: {seconds['stages']:.0f} s in the stages, "
        f"{seconds['orchestration']:.0f} s around them"
    )


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question in plain text.")],
    model: Annotated[
        str | None, typer.Option(help="NAME@ALIAS or NAME/VERSION; by default the champion.")
    ] = None,
) -> None:
    """Answer a question with the champion."""
    from rsft.runs.ask import ask_model

    workspace, config = _workspace_and_config()
    answered = ask_model(config, workspace.home, question, model)
    for line in answered.steps or [answered.completion]:
        print(line)
    print(f"answer: {answered.outcome if answered.outcome is not None else 'none found'}")


@app.command()
def sweep(
    round_number: Annotated[int, typer.Argument(metavar="[ROUND]", min=1)] = 1,
    vary: Annotated[
        str | None,
        typer.Option(
            metavar="SETTING=V1,V2,…",
            help="What to try, below filter; by default what the rule leaves to be chosen.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SETTING=VALUE", help="Try it with this setting, too."),
    ] = None,
    verifier: Annotated[
        str | None,
        typer.Option(help="Part of the reward that says what is right; by default the whole."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Where to (png, svg or pdf); by default data/rounds/ROUND/sweep.png."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Replay a round's decisions over a range of a setting, and say which value to take."""
    from rsft.config import PARAMS, round_folder
    from rsft.report.sweep import check_picture, draw_sweep, sweep_table
    from rsft.runs.sweep import sweep_round

    _workspace_and_config()
    file = picture or Path(round_folder(round_number)) / "sweep.png"
    check_picture(file)
    found = sweep_round(
        PARAMS, str(round_number), vary=vary, settings=settings or (), verifier=verifier
    ).as_dict()
    draw_sweep(found, file)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    console = plain_console(soft_wrap=True)
    console.print(sweep_table(found))
    for point in found["points"]:
        if point["note"]:
            console.print(f"[dim]{escape(point['value'])}: {escape(point['note'])}[/]")
    if found["recommended"] is not None:
        settings = [*found["settings"], f"{found['setting']}={found['recommended']}"]
        taken = " ".join(f"--set {shlex.quote(setting)}" for setting in settings)
        console.print(f"take [bold]{escape(taken)}[/]: {escape(found['reason'])}")
    else:
        console.print(escape(found["reason"]))
    console.print(f"precise is {escape(found['verifier'])}; the picture is {escape(str(file))}")


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

    workspace, config = _workspace_and_config()
    origin = trace_origin(config, workspace, model)
    if as_json:
        print(json.dumps(origin, indent=2))
    else:
        # Wider than any line of it: a tree is cut at the console's width, and hashes must not be.
        plain_console(width=1000, soft_wrap=True).print(lineage_tree(origin))


@app.command()
def up(
    prefect_port: Annotated[
        int, typer.Option(help="Port of Prefect's server and UI.", min=1, max=65535)
    ] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's UI.", min=1, max=65535)] = 5000,
    docs_port: Annotated[int, typer.Option(help="Port of the Data Docs.", min=1, max=65535)] = 8080,
) -> None:
    """Start Prefect's server, MLflow's UI and the Data Docs on loopback; Ctrl-C stops them."""
    from rsft.registry import Registry
    from rsft.runs.docs import DATA_DOCS, render_data_docs
    from rsft.servers import local_servers, serve

    workspace, config = _workspace_and_config()
    # MLflow's tables are made here first: two that make them at once would both fail.
    registry = Registry.open(workspace.home, config.register_.tracking_uri)
    if not (workspace.home / DATA_DOCS).exists():
        render_data_docs(workspace.home, workspace.home)
    ports = {"prefect": prefect_port, "mlflow": mlflow_port, "docs": docs_port}
    servers = local_servers(workspace.home, registry.tracking_uri, ports)
    serve(servers, workspace.home / ".rsft" / "logs", plain_console(soft_wrap=True))


def _workspace_and_config() -> tuple[Any, Any]:
    from rsft.config import load_config
    from rsft.lineage import Workspace

    workspace = Workspace.open()
    workspace.enter()
    prepare_environment(workspace.home)
    return workspace, load_config(Path("params.yaml"))
