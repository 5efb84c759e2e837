"""What the page of a run says of what ended it."""

import logging

import pytest

from flows.telling import tell_in_one_line
from rsft.errors import WorkspaceError


@pytest.mark.parametrize("name", ["prefect.flow_runs", "prefect.task_runs"])
def test_an_error_of_the_world_is_its_line_and_a_defect_has_its_traceback(
    name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_in_one_line()
    logger = logging.getLogger(name)
    monkeypatch.setattr(logger, "handlers", [caplog.handler])  # Prefect's want a run
    monkeypatch.setattr(logger, "propagate", False)
    caplog.handler.setFormatter(logging.Formatter("%(message)s"))
    for error in (WorkspaceError("http://u:p@x is held 100%\x1b"), KeyError("ours")):
        try:
            raise error
        except Exception as raised:
            logger.exception("Encountered exception during execution: %r", raised)
    assert caplog.text.splitlines()[:3] == [
        "http://***@x is held 100%\\x1b",
        "Encountered exception during execution: KeyError('ours')",
        "Traceback (most recent call last):",
    ]
