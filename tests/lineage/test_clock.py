"""A clock that jumps: what came later is dated later, and nothing is taken for edited."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from rsft.lineage import latest_runs, read_record, read_runs, tag_run
from rsft.lineage.changes import Baseline
from tests.clocks import SetClock
from tests.clocks import clock as clock
from tests.lineage.cases import make_runs
from tests.lineage.test_record import Book
from tests.lineage.test_record import book as book
from tests.lineage.test_record import template as template
from tests.workspaces import git

JUMPS = (0, 5, -5, -12, 11, -12, 0)
"""What the clock is set forth by before each step, in hours."""


def test_runs_are_in_the_order_in_which_they_ended(clock: type[SetClock], tmp_path: Path) -> None:
    workspace, _ = make_runs(tmp_path)
    for number, hours in enumerate(JUMPS):
        clock.ahead = timedelta(hours=hours)
        name = f"{9 - number}"  # by their names they were in the other order
        tag_run(workspace, name, {"run_id": name, "stages": {}})
    runs = read_runs(workspace)
    assert [run.run_id for run in runs] == [f"{9 - number}" for number in range(len(JUMPS))]
    times = [datetime.fromisoformat(run.tagged_at) for run in runs]
    assert all(later > sooner for sooner, later in pairwise(times))


def test_the_record_grows_strictly(clock: type[SetClock], book: Book) -> None:
    for number, hours in enumerate(JUMPS):
        clock.ahead = timedelta(hours=hours)
        book.promote(number % 2 + 1, None if number == 0 else (number - 1) % 2 + 1)
    entries = [entry for entry in read_record(book.workspace) if entry.kind == "promoted"]
    assert [entry.number for entry in entries] == list(range(1, len(JUMPS) + 1))
    times = [datetime.fromisoformat(entry.at) for entry in entries]
    assert all(later > sooner for sooner, later in pairwise(times))


def test_a_year_that_was_wrong_dates_no_run_after_it(clock: type[SetClock], tmp_path: Path) -> None:
    workspace, _ = make_runs(tmp_path)
    for name, days in (("far", 400), ("one", 0), ("two", 0)):
        clock.ahead = timedelta(days=days)
        tag_run(workspace, name, {"run_id": name, "stages": {}})
    runs = read_runs(workspace)
    assert [run.run_id for run in runs] == ["far", "one", "two"]
    latest = latest_runs(workspace, "")
    assert [run.run_id for run in latest] == ["two", "one", "far"]
    now = datetime.now().astimezone()
    assert datetime.fromisoformat(runs[2].tagged_at) - now < timedelta(seconds=10)


def test_a_time_beyond_all_calendars_dates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = make_runs(tmp_path)
    tag_run(workspace, "first", {"run_id": "first", "stages": {}})
    commit = read_runs(workspace)[0].commit
    monkeypatch.setenv("GIT_COMMITTER_DATE", "@316516454400 +0000")  # the year 12000
    git(tmp_path, "tag", "--annotate", "run/far", commit, "--message=Far")
    monkeypatch.undo()
    tag_run(workspace, "last", {"run_id": "last", "stages": {}})
    assert [run.tag for run in read_runs(workspace)] == ["run/far", "run/first", "run/last"]


def test_code_that_was_written_under_a_clock_ahead_is_not_taken_for_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rsft.lineage.changes as module

    file = tmp_path / "rsft" / "one.py"
    file.parent.mkdir()
    file.write_text("")
    monkeypatch.setitem(module.sys.modules, "one", type("One", (), {"__file__": str(file)}))
    monkeypatch.setattr(module.rsft, "IMPORTED_AT", file.stat().st_ctime - 60)
    assert Baseline(tmp_path, list).code_changed() == {"rsft/one.py"}
    set_back = file.stat().st_ctime - 3600
    monkeypatch.setattr(module.rsft, "IMPORTED_AT", set_back)
    monkeypatch.setattr(module.time, "time", lambda: set_back + 1)
    assert Baseline(tmp_path, list).code_changed() == set()
