"""What Prefect's page says of an error of the world: its one line, as the terminal does.

Prefect logs the traceback of whatever ends a flow or a task. A defect of ours keeps it.
"""

import logging

from rsft.addresses import without_secrets
from rsft.errors import RsftError
from rsft.report.plain import plain

_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


def tell_in_one_line() -> None:
    """Has this process's flows and tasks do so."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_shorten)  # again adds nothing


def _shorten(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, RsftError):
        record.msg, record.args = "%s", (plain(without_secrets(str(error)), keep="\n"),)
        record.exc_info = None
    return True
