"""``rsft up``: the servers of the local stack."""

from typing import Annotated

import typer

from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console


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

    workspace, config = workspace_and_config()
    # MLflow's tables are made here first: two that make them at once would both fail.
    registry = Registry.open(workspace.home, config.register_.tracking_uri)
    if not (workspace.home / DATA_DOCS).exists():
        render_data_docs(workspace.home, workspace.home)
    ports = {"prefect": prefect_port, "mlflow": mlflow_port, "docs": docs_port}
    servers = local_servers(workspace.home, registry.tracking_uri, ports)
    serve(servers, workspace.home / ".rsft" / "logs", plain_console(soft_wrap=True))
