"""``rsft sweep``: what another setting would have accepted."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console


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

    workspace_and_config()
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
