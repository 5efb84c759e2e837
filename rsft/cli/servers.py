"""``rsft up``: the local stack; ``rsft worker``: the worker alone, on a server elsewhere."""

import os
import sys
from typing import Annotated

import typer
from rich.markup import escape

from rsft.addresses import without_secrets
from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console


@app.command()
def up(
    prefect_port: Annotated[
        int, typer.Option(help="Port of Prefect's server and UI.", min=1, max=65535)
    ] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's UI.", min=1, max=65535)] = 5000,
    docs_port: Annotated[int, typer.Option(help="Port of the Data Docs.", min=1, max=65535)] = 8080,
    worker: Annotated[
        bool, typer.Option(help="Deploy prefect.yaml and run what is scheduled.")
    ] = True,
) -> None:
    """Run Prefect's server and worker, MLflow's UI and the Data Docs on loopback, till Ctrl-C."""
    from rsft.runs.docs import DATA_DOCS, render_data_docs
    from rsft.servers import local_servers, serve

    workspace, config = workspace_and_config()
    home = workspace.home
    docs = home / DATA_DOCS

    def begin() -> None:
        api = f"{servers[0].address}/api"
        console.print(f"for `prefect …`: export PREFECT_API_URL={api}")
        other = os.environ.get("PREFECT_API_URL") or api
        if other.rstrip("/").replace("//localhost:", "//127.0.0.1:") != api:
            where = escape(without_secrets(other))
            console.print(
                f"[yellow]PREFECT_API_URL is {where} here: `rsft run` and `rsft status` use that "
                "server, not this one[/]"
            )
        if worker:
            from flows.schedules import require_deployable

            require_deployable(home / "prefect.yaml")
        if not (docs / "index.html").exists():
            render_data_docs(home, home)

    docs.mkdir(parents=True, exist_ok=True)
    ports = {"prefect": prefect_port, "mlflow": mlflow_port, "docs": docs_port}
    store = config.register_.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    console = plain_console(soft_wrap=True)
    servers = local_servers(home, store, ports, with_worker=worker)
    if all(server.name != "MLflow" for server in servers):
        console.print(f"MLflow is at {escape(without_secrets(store or ''))}")
    serve(servers, home, console, meanwhile=begin)


@app.command()
def worker() -> None:
    """Deploy prefect.yaml on the server of PREFECT_API_URL, and run what is due, till Ctrl-C."""
    from rsft.errors import WorkspaceError
    from rsft.servers import worker_server

    if "PREFECT_API_URL" not in os.environ:
        raise WorkspaceError(
            "PREFECT_API_URL is not set, so there is no server to work for; set it "
            "(mlflow/README.md), or run one here with `rsft up`"
        )
    workspace, _ = workspace_and_config()
    server = worker_server(workspace.home, os.environ["PREFECT_API_URL"])
    os.chdir(workspace.home)
    environment = os.environ | dict(server.environment)
    os.execve(sys.executable, server.command, environment)  # noqa: S606  # nothing a shell could add
