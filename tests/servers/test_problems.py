"""Which lines of a log are told."""

import pytest

from rsft.servers.problems import Problems, shown


def told(*lines: str) -> list[str]:
    return list(Problems().among(list(lines), now=0.0))


@pytest.mark.parametrize(
    "line",
    [
        "22:06:46.645 | WARNING | prefect.utilities - a placeholder lacks",
        "2026/11/27 22:07:34 ERROR: [Errno 98] address already in use",
        "CRITICAL:root:no memory",
        "sqlite3.OperationalError: database is locked",
        "prefect.exceptions.FlowPauseTimeout: Flow run was paused",
    ],
)
def test_a_problem_is_known_by_its_level_or_as_what_was_raised(line: str) -> None:
    assert told(line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "22:22:08.285 | INFO    | Task run 'prompts' - Finished in state Completed()",
        '127.0.0.1 - - [27/Nov/2026 22:07:34] "GET /favicon.ico HTTP/1.1" 404 -',
        "INFO:     127.0.0.1:40000 - GET /api/flow_runs/filter?state=FAILED&level=ERROR 200",
        '    raise OperationalError("locked")',
        "",
    ],
)
def test_what_goes_well_is_not(line: str) -> None:
    assert told(line) == []


def test_the_traceback_of_what_was_told_is_in_the_log_alone() -> None:
    error = "22:06:49.440 | ERROR | prefect.server.api.workers - setup failed"
    fine = "22:06:50.000 | INFO | prefect - on"
    raised = "sqlite3.OperationalError: database is locked"
    assert told(error, "Traceback (most recent call last):", raised) == [error]
    assert told(error, fine, raised) == [error, raised]


def test_the_same_problem_is_told_once_a_minute_whatever_its_numbers() -> None:
    problems = Problems()
    lines = [f"22:06:{second} | ERROR | x - 3 tries" for second in (10, 11)]
    assert list(problems.among(lines, now=100.0)) == lines[:1]
    assert list(problems.among(lines[1:], now=159.0)) == []
    assert list(problems.among(lines[1:], now=160.0)) == lines[1:]


def test_a_line_is_fit_for_a_terminal() -> None:
    line = "OperationalError: (postgresql://rsft:hush@h:5432/prefect?password=hush) refused"
    assert shown(line) == "OperationalError: (postgresql://***@h:5432/prefect?*** refused"
    assert shown("ERROR \x1b[2J\t of   others") == r"ERROR \x1b[2J of others"
    assert len(shown("ERROR " + "x" * 1000)) == 240
