"""``rsft alerts``: who is told of what went wrong."""

import os
from typing import Annotated, Any

import typer

from rsft.cli.app import app, workspace_and_config
from rsft.errors import WorkspaceError

alerts_app = typer.Typer(help="Tell people of failed, late and stuck runs, approvals and findings.")
app.add_typer(alerts_app, name="alerts")


@alerts_app.command()
def apply() -> None:
    """Make the automations of Prefect's server those that are declared; again changes nothing."""
    section = _section_at_server()
    from flows.alerts import apply_alerts

    done = apply_alerts(section)
    if done.channel is None:
        print("alerts.channel is null in params.yaml, so nobody is told")
    else:
        print(f"{done.channel} is told of failed, late and stuck runs, approvals and findings")
    print(f"changed: {', '.join(done.changed) or 'nothing'}")


@alerts_app.command()
def channel(
    name: Annotated[
        str, typer.Argument(metavar="TYPE/NAME", help="Such as slack-webhook/rsft or webhook/rsft.")
    ],
) -> None:
    """Make a block of Prefect's from the environment: RSFT_ALERTS_URL and the like."""
    _section_at_server()
    from flows.channels import make_channel

    variables = make_channel(name)
    print(f"{name} is kept in Prefect, made from {', '.join(variables)}")
    print(f"name it in params.yaml (alerts: {{channel: {name}}}), then `rsft alerts apply`")


@alerts_app.command()
def test() -> None:
    """Send one line through the channel, by the way that all others take."""
    section = _section_at_server()
    if section.channel is None:
        raise WorkspaceError("alerts.channel is null in params.yaml, so there is nobody to tell")
    from flows.alerts import emit_test

    emit_test()
    print(f"sent to {section.channel}; it should arrive within seconds")


def _section_at_server() -> Any:
    """The settings, with Prefect told which server is meant."""
    _, config = workspace_and_config()
    if "PREFECT_API_URL" not in os.environ:
        raise WorkspaceError(
            "no Prefect server is known: start one with `rsft up`, or set PREFECT_API_URL"
        )
    from flows.run import require_server

    require_server()
    return config.alerts
