"""The local stack: Prefect's server and worker, MLflow's UI and the Data Docs, on loopback.

``local_servers`` says what there is, ``serve`` runs it and starts again what dies, ``find_stack``
tells who runs it, ``use_stack`` has Prefect use its server. ``worker_server`` is the worker alone.
"""

from rsft.servers.local import local_servers, worker_server
from rsft.servers.serving import serve
from rsft.servers.stack import Stack, find_stack, hold_stack, use_stack

__all__ = [
    "Stack",
    "find_stack",
    "hold_stack",
    "local_servers",
    "serve",
    "use_stack",
    "worker_server",
]
