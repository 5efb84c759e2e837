"""``rsft audit``: whether what runs recorded is true."""

import json
from typing import Annotated

import typer

from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console


@app.command()
def audit(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="[X]",
            help="NAME@ALIAS, NAME/VERSION, a run or a data set; by default the last run, and the "
            "checkout that it left.",
        ),
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="All runs, all versions, the record, and the checkout.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Prove what runs recorded: hash, count and look up everything again; 1 if anything differs."""
    from rsft.audit import audit_all, audit_run, latest_run
    from rsft.registry import Registry
    from rsft.report.audit import audit_lines
    from rsft.report.display import ConsoleDisplay
    from rsft.runs.record import read_model
    from rsft.runs.subjects import find_subject

    workspace, config = workspace_and_config()
    model = config.register_.name

    def open_registry() -> Registry:
        return Registry.open(workspace.home, config.register_.tracking_uri)

    with ConsoleDisplay(plain_console(stderr=True)).stage("audit") as progress:
        if is_all:
            report = audit_all(
                workspace,
                model,
                open_registry,
                read_model,
                with_checkout=True,
                progress=progress,
            )
        else:
            report = audit_run(
                workspace,
                find_subject(workspace, subject, model).run if subject else latest_run(workspace),
                model,
                open_registry,
                read_model,
                with_checkout=subject is None,
                progress=progress,
            )
    if as_json:
        print(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
    else:
        plain_console(soft_wrap=True).print(audit_lines(report.as_dict()))
    if not report.passed:
        raise typer.Exit(1)
