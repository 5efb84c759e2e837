"""A sound run is proven, and every check compares something."""

import pytest

from rsft.audit import latest_run
from rsft.errors import LineageError
from tests.audit.conftest import (
    RUN,
    Audited,
)
from tests.workspaces import git


def test_a_sound_run_is_proven_and_every_check_compared_something(audited: Audited) -> None:
    report = audited.all()
    assert (report.findings, report.notes) == ([], [])
    assert report.passed
    # 6 outputs, of which 5 folders with 4 + 2 + 1 + 1 + 2 files, two of
    # which are two tables each; a folder with a file of the user's, and what is to be forgotten.
    hashed = {hashed.place: hashed.objects for hashed in report.hashed}
    assert (hashed["cache"], hashed["remote 'store'"]) == (17, 17)
    assert report.checked == {
        "object": 34,
        "lock": 1 + 7 + 5 + 3 + 4,  # the run's id, then deps, settings and outputs by stage
        "edge": 7 + 1,  # and the model
        "settings": 3 + 3,
        "code": 3,
        "marked": 1,
        "rows": 2,
        "expectations": 3,
        "registration": 1 + 5 + 6,
        "alias": 2,
        "artifact": 2 + 1 + 2,  # the policy; the list of what lies beside it, and that
        "record": 1 + 2 + 2,
        "checkout": 19,
    } | {kind: report.checked[kind] for kind in ("lock", "checkout")}


def test_one_run_is_audited_without_the_checkout(audited: Audited) -> None:
    (audited.root / "params.yaml").write_text("seed: 8\n")
    assert audited.one().passed
    assert "checkout" not in audited.one().checked


def test_the_latest_run_is_that_of_the_checkout(audited: Audited) -> None:
    assert latest_run(audited.workspace).run_id == RUN
    (audited.root / "data/run.json").unlink()
    assert latest_run(audited.workspace).run_id == RUN
    git(audited.root, "tag", "--delete", f"run/{RUN}")
    with pytest.raises(LineageError, match="no run is on record; `rsft run` makes one"):
        latest_run(audited.workspace)
