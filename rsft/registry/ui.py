"""MLflow's UI on the store of a checkout: ``python -m rsft.registry.ui HOME HOST PORT``.

The store's tables are made first, as every other process of ours makes them: two that did so at
once would both fail.
"""

import os
import sys
from pathlib import Path

from rsft.registry.store import Registry


def main(home: str, host: str, port: str) -> None:
    """Serves the store of ``MLFLOW_TRACKING_URI``, or that of the checkout, until it is stopped.

    Args:
        home: The main checkout.
        host: Where it listens.
        port: On which port.
    """
    # Jobs would be eight more processes and 2 GB.
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    registry = Registry.open(Path(home))
    from mlflow.cli import cli

    artifacts = (Path(home).resolve() / "mlflow" / "artifacts").as_uri()
    store = ("--backend-store-uri", registry.tracking_uri, "--default-artifact-root", artifacts)
    cli(["server", "--host", host, "--port", port, "--workers", "1", *store])


if __name__ == "__main__":
    main(*sys.argv[1:])
