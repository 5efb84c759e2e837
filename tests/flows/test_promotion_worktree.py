"""Worktrees of promotions: which are made, moved and removed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workspaces import ROOT, git, make_repository


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "flows").mkdir(parents=True)
    shutil.copy(ROOT / "flows" / "worktree.sh", folder / "flows")
    (folder / ".gitignore").write_text(".rsft/\ndata/\n")
    return make_repository(folder)


def tree(checkout: Path, *name: str) -> Path:
    """What the script prints, which is all that Prefect reads."""
    done = subprocess.run(
        ["bash", "flows/worktree.sh", *name],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.removesuffix("\n"))


def age(tree: Path) -> None:
    """A promotion that began ten minutes ago."""
    began = time.time() - 600
    os.utime(tree / ".git", (began, began))


def test_a_worktree_is_made_once_and_moved_to_the_checkouts_commit(checkout: Path) -> None:
    made = tree(checkout)
    assert made == checkout / ".rsft" / "worktrees" / "retrain"
    git(checkout, "commit", "--quiet", "--allow-empty", "--message=More")
    assert git(made, "rev-parse", "HEAD") != git(checkout, "rev-parse", "HEAD")
    assert tree(checkout) == made
    assert git(made, "rev-parse", "HEAD") == git(checkout, "rev-parse", "HEAD")


def test_what_a_promotion_that_is_over_leaves_goes_with_the_next(checkout: Path) -> None:
    scheduled, over = tree(checkout), tree(checkout, "promotion-a1")
    age(over)
    (over / "data").mkdir()
    (over / "data" / "ignored").write_text("made by a run")
    latest = tree(checkout, "promotion-b2")
    assert (scheduled.exists(), over.exists(), latest.exists()) == (True, False, True)
    assert str(over) not in git(checkout, "worktree", "list")


def test_one_that_somebody_works_in_has_edits_or_has_just_begun_stays(checkout: Path) -> None:
    busy, edited, new = (tree(checkout, f"promotion-{name}") for name in ("a1", "b2", "c3"))
    age(busy)
    age(edited)
    (edited / "notes").write_text("mine")
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=busy, stdin=subprocess.PIPE) as at:
        tree(checkout, "promotion-d4")
        assert [found.exists() for found in (busy, edited, new)] == [True, True, True]
        at.communicate(b"\n")
    tree(checkout, "promotion-d4")
    assert [found.exists() for found in (busy, edited, new)] == [False, True, True]


def test_its_own_worktree_is_never_removed(checkout: Path) -> None:
    made = tree(checkout, "promotion-a1")
    age(made)
    assert tree(checkout, "promotion-a1") == made
    assert made.exists()
