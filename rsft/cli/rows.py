"""``rsft explain``, ``trace`` and ``forget``: rows, followed and forgotten."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console

from rsft.cli.app import app, workspace_and_config
from rsft.errors import LineageError
from rsft.report.sheet import plain_console

_Prompt = Annotated[
    str | None, typer.Argument(metavar="PROMPT", help="A prompt's id, or its whole text.")
]
_Source = Annotated[str | None, typer.Option(help="All prompts of this source instead.")]
_Family = Annotated[str | None, typer.Option(help="All prompts of this family instead.")]
_Licence = Annotated[str | None, typer.Option(help="All prompts under this licence instead.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def explain(
    row: Annotated[
        str, typer.Argument(metavar="CANDIDATE", help="PROMPT_ID:ROUND:DRAW; round 0: labelled.")
    ],
    run: Annotated[
        str | None,
        typer.Option(help="A run, version, alias or data set; by default the latest run."),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Say all that is recorded of a candidate: why it was accepted or not, and whom it trained."""
    from rsft.lineage import read_runs
    from rsft.report.rows import explanation_lines
    from rsft.rows import RowAddress, explain_row
    from rsft.runs.subjects import find_subject

    workspace, config = workspace_and_config()
    address = RowAddress.parse(row)
    if run is not None:
        record = find_subject(workspace, run, config.register_.name).run
    else:
        record = _latest(read_runs(workspace))
    found = explain_row(workspace, record, address).as_dict()
    _print(found, explanation_lines(found), as_json)


@app.command()
def trace(
    prompt: _Prompt = None,
    source: _Source = None,
    family: _Family = None,
    licence: _Licence = None,
    as_json: _AsJson = False,
) -> None:
    """Follow a prompt through all runs to all models; exit 1 if one is not free that should be."""
    from rsft.report.rows import trace_lines

    workspace, _ = workspace_and_config()
    found = _traced(workspace, prompt, source=source, family=family, licence=licence).as_dict()
    _print(found, trace_lines(found), as_json)
    if any(one["state"] in ("not_free", "unproven") for one in found["runs"]):
        raise typer.Exit(1)


@app.command()
def forget(
    prompt: _Prompt = None,
    source: _Source = None,
    family: _Family = None,
    licence: _Licence = None,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept in clear.")] = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete what holds it from cache and remote, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Purge without asking.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Keep a prompt out of every run to come, and say which models and data sets it is in."""
    from rsft.config import FORGOTTEN
    from rsft.report.rows import affected_lines
    from rsft.rows import forget as write

    workspace, _ = workspace_and_config()
    traced = _traced(workspace, prompt, source=source, family=family, licence=licence)
    found = traced.as_dict()
    if all(run.state == "none" for run in traced.runs):
        raise LineageError(
            f"no run of this checkout has prompts of {traced.wanted.name!r}; what was never in a "
            "run is kept out by prompts.exclude in params.yaml"
        )
    console = plain_console(stderr=as_json, soft_wrap=True, highlight=False)
    for line in affected_lines(found):
        console.print(line)
    is_new = write(traced.wanted, reason)
    console.print(
        f"{'added to' if is_new else 'already in'} {FORGOTTEN}; commit it, for scheduled runs work "
        "at the checkout's commit"
    )
    result: dict[str, Any] = found | {"is_new": is_new, "purged": None}
    if purge:
        told = reason or "forgotten"
        result["purged"] = _purge(workspace, traced.wanted, told, console, yes=yes, err=as_json)
    if as_json:
        print(json.dumps(result, indent=2))


def _purge(
    workspace: Any, wanted: Any, reason: str, console: Console, *, yes: bool, err: bool
) -> dict[str, Any]:
    """Plans a purge, asks, and deletes, while no run is at work; a run may have ended just now."""
    from rsft.lineage import hold_checkouts, read_runs
    from rsft.report.rows import purge_lines
    from rsft.rows import plan_purge
    from rsft.rows import purge as delete
    from rsft.rows import trace as follow
    from rsft.runs.docs import DATA_DOCS

    with hold_checkouts(workspace, "purge"):
        plan = plan_purge(workspace, follow(workspace, read_runs(workspace), wanted))
        for line in purge_lines(
            len(plan.hashes),
            len(plan.copies),
            plan.sources,
            plan.run_ids,
            plan.unread,
            is_evaluated=plan.is_evaluated,
        ):
            console.print(line)
        if not yes and not typer.confirm("delete them for good?", err=err):
            raise typer.Exit(1)
        deleted = delete(workspace, plan, reason, workspace.home / DATA_DOCS)
    remote = "no remote" if deleted.remote is None else f"{deleted.remote:,} in the remote"
    console.print(
        f"deleted {deleted.cached:,} objects in the cache, {remote}"
        + (f"; recorded as {deleted.tag}" if deleted.tag else "")
    )
    return {
        "tag": deleted.tag,
        "cached": deleted.cached,
        "remote": deleted.remote,
        "copies": len(plan.copies),
        "runs": list(plan.run_ids),
    }


def _latest(runs: list[Any]) -> Any:
    if not runs:
        raise LineageError("no run is recorded in this checkout yet; `rsft run` makes one")
    return runs[-1]


def _traced(workspace: Any, prompt: str | None, **values: str | None) -> Any:
    """What was named, traced through all runs."""
    from rsft.lineage import read_runs
    from rsft.prompts.forgotten import read_forgotten
    from rsft.rows import name_prompt, name_value
    from rsft.rows import trace as follow

    given = {kind: value for kind, value in values.items() if value is not None}
    if (prompt is not None) + len(given) != 1:
        raise typer.BadParameter("name one prompt, or one of --source, --family and --licence")
    runs, forgotten = read_runs(workspace), read_forgotten()
    if prompt is not None:
        wanted = name_prompt(workspace, runs[::-1], prompt, forgotten)
    else:
        ((kind, value),) = given.items()
        wanted = name_value(kind, value)  # type: ignore[arg-type]
    return follow(workspace, runs, wanted, forgotten)


def _print(found: dict[str, Any], lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
        return
    console = plain_console(soft_wrap=True, highlight=False)
    for line in lines:
        console.print(line)
