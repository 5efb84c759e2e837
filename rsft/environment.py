"""Environment variables that the stack reads at its import: what we want, unless the user said.

Telemetry is off. Prefect keeps its state in the main checkout's ``.rsft/prefect``, not in the
user's home, and its console says nothing: the display does.
"""

import os
from pathlib import Path

QUIET = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # its first start makes a database
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}


def prepare_environment(home: Path) -> None:
    """Sets what is not set yet; call it before Prefect, MLflow or Great Expectations load.

    Args:
        home: The main checkout, whose state a worktree shares.
    """
    prefect_home = home / ".rsft" / "prefect"
    prefect_home.mkdir(parents=True, exist_ok=True)  # Prefect makes no parents
    settings = QUIET | {
        "PREFECT_HOME": str(prefect_home),
        # Errors reach the person as one line; Prefect's own traceback goes to its log only.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",  # what it says where its server ended first
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
