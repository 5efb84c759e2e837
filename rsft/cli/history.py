"""``rsft history``, ``rollback``, ``register`` and ``reconcile``: the record of models."""

import json
import re
from dataclasses import asdict
from typing import Annotated, Any

import typer

from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console

_Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Registered model; by default register.name.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def history(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Registered model; by default all.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Ask MLflow, too; exit 1 where something does not fit."),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Tell who registered, promoted and rolled back what, when and why."""
    from rsft.lineage import Workspace
    from rsft.report.history import difference_line, history_lines
    from rsft.runs.history import tell_history

    models = tell_history(Workspace.open(), name)
    if check:
        models = [model | {"differences": _differences(model["name"])} for model in models]
    found = [difference for model in models for difference in model.get("differences", ())]
    if as_json:
        print(json.dumps({"models": models}, indent=2))
    else:
        console = plain_console(soft_wrap=True)
        console.print("\n\n".join(map(history_lines, models)) or "nothing is on record yet")
        for difference in found:
            console.print(difference_line(difference["told"]))
    if found or (check and any(model["missing"] for model in models)):
        raise typer.Exit(1)


@app.command()
def rollback(
    name: _Name = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "no reason given",
    as_json: _Json = False,
) -> None:
    """Put into service again what served before the present champion was promoted."""
    from rsft.report.history import rollback_line
    from rsft.runs.record import roll_back

    workspace, registry, named = _opened(name)
    entry = roll_back(workspace, registry, named, reason)
    if as_json:
        print(json.dumps(asdict(entry), indent=2))
    else:
        line = rollback_line(named, entry.version, entry.details["against"], entry.tag)
        plain_console(soft_wrap=True).print(line)


@app.command()
def register(
    name: _Name = None,
    again: Annotated[
        int | None,
        typer.Option(metavar="VERSION", help="Also the model of a version deleted in MLflow."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Register the runs that are tagged and not registered, as where MLflow was away.

    Exits with 1 where one of them could not be.
    """
    from rsft.report.history import left_line
    from rsft.runs.description import describe_versions
    from rsft.runs.registration import register_pending

    workspace, registry, named = _opened(name)
    done = register_pending(workspace, registry, named, again=again)
    describe_versions(registry, workspace, named)
    if as_json:
        told = [{"version": v.version, "run_id": v.tags["run_id"]} for v in done.versions]
        left = [{"tag": tag, "why": why} for tag, why in done.left.items()]
        print(json.dumps({"name": named, "registered": told, "left": left}, indent=2))
    else:
        console = plain_console(soft_wrap=True)
        for version in done.versions:
            console.print(f"{named} version {version.version}: run {version.tags['run_id']}")
        for tag, why in done.left.items():
            console.print(left_line(tag, why))
        if not done.versions and not done.left:
            console.print(f"{named}: every run is registered")
    if done.left:
        raise typer.Exit(1)


@app.command()
def reconcile(name: _Name = None, as_json: _Json = False) -> None:
    """Move MLflow's aliases to where the record has them, those moved by hand too."""
    from rsft.report.history import moved_line
    from rsft.runs.record import reconcile as bring_in_line

    workspace, registry, named = _opened(name)
    differences = bring_in_line(workspace, registry, named, is_told=True)
    if as_json:
        print(json.dumps({"name": named, "moved": [asdict(d) for d in differences]}, indent=2))
        return
    console = plain_console(soft_wrap=True)
    for difference in differences:
        console.print(moved_line(asdict(difference)))
    if not differences:
        console.print(f"{named}: the aliases are as recorded")


def _opened(name: str | None) -> tuple[Any, Any, str]:
    """The workspace, its registry, and the name of the model."""
    from rsft.config.measure import MODEL_NAME
    from rsft.errors import RegistryError
    from rsft.registry import Registry
    from rsft.runs.subjects import require_model

    workspace, config = workspace_and_config()
    if name is not None and not re.fullmatch(MODEL_NAME, name):
        raise RegistryError(f"{name!r} is no name of a model; take letters, digits, _ and -")
    if name is not None:
        require_model(workspace, name)
    registry = Registry.open(workspace.home, config.register_.tracking_uri)
    return workspace, registry, name or config.register_.name


def _differences(name: str) -> list[dict[str, Any]]:
    from rsft.runs.record import find_differences

    workspace, registry, _ = _opened(name)
    found = find_differences(workspace, registry, name)
    return [asdict(difference) | {"told": str(difference)} for difference in found]
