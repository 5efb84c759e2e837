"""The worktree of a retraining: made, gone on with after a failure, and removed after success."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from filelock import FileLock

from rsft.lineage import Workspace, hold_checkouts, quit_worktree
from tests.workspaces import ROOT, clean_environment, git, make_repository


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two commits and a file of prompts that git ignores; the current folder."""
    folder = tmp_path / "checkout"
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "dvc.yaml").touch()
    (folder / "data" / ".gitignore").write_text("*\n!/raw/\n!*.dvc\n")
    (folder / "data" / "raw" / "train.jsonl").write_text("1\n")
    (folder / "data" / "raw" / "train.jsonl.dvc").write_text("committed\n")
    make_repository(folder)
    monkeypatch.chdir(folder)
    return folder


def worktree(main: Path, *name: str, **environment: str) -> Path:
    """Where the script says that a run is to work."""
    done = subprocess.run(
        ["bash", str(ROOT / "flows" / "worktree.sh"), *name],
        cwd=main,
        env=clean_environment(main, **environment),
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


@pytest.fixture
def at_work(main: Path) -> Iterator[Path]:
    """The worktree of a run that is at work."""
    tree = worktree(main)
    (tree / ".rsft").mkdir()
    with FileLock(tree / ".rsft" / "lock"):
        yield tree


def test_it_is_at_the_checkouts_commit_and_has_what_the_user_brought(main: Path) -> None:
    (main / "data" / "raw" / "train.jsonl.dvc").write_text("since then\n")
    tree = worktree(main)
    assert tree == main / ".rsft" / "worktrees" / "retrain"
    assert git(tree, "rev-parse", "HEAD") == git(main, "rev-parse", "HEAD")
    assert not (tree / ".rsft").exists()
    assert (tree / "data" / "raw" / "train.jsonl").read_text() == "1\n"
    assert (tree / "data" / "raw" / "train.jsonl.dvc").read_text() == "since then\n"
    (main / "data" / "raw" / "train.jsonl").write_text("2\n")
    assert (tree / "data" / "raw" / "train.jsonl").read_text() == "1\n"


def test_the_next_run_goes_on_in_that_of_one_that_failed(main: Path) -> None:
    tree = worktree(main)
    (tree / ".rsft").mkdir()
    (tree / ".rsft" / "part").write_text("drawn")
    (tree / "dvc.yaml").write_text("edited")
    (main / "data" / "raw" / "train.jsonl").unlink()
    (main / "data" / "raw" / "more.jsonl").write_text("3\n")
    git(main, "commit", "--quiet", "--allow-empty", "--message=Next")
    assert worktree(main) == tree
    assert (tree / ".rsft" / "part").read_text() == "drawn"
    assert (tree / ".rsft" / "resumed").exists()
    assert (tree / "dvc.yaml").read_text() == ""
    names = sorted(file.name for file in (tree / "data" / "raw").iterdir())
    assert names == ["more.jsonl", "train.jsonl.dvc"]
    assert git(tree, "rev-parse", "HEAD") == git(main, "rev-parse", "HEAD")


def test_the_users_hooks_are_for_the_users_commits(main: Path) -> None:
    """`dvc install` makes one that fails where the cache lacks something."""
    hook = main / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch hooked; exit 1\n")
    hook.chmod(0o755)
    for _ in range(2):
        assert not (worktree(main) / "hooked").exists()


def test_whoever_holds_all_checkouts_is_waited_for_and_the_failed_run_gone_on_with(
    main: Path,
) -> None:
    tree = worktree(main)
    (tree / ".rsft").mkdir()
    found: list[Path] = []
    thread = Thread(target=lambda: found.append(worktree(main)))
    with hold_checkouts(Workspace(root=main, home=main), "gc"):
        thread.start()
        thread.join(timeout=1.5)
        assert not found
    thread.join(timeout=20)
    assert found == [tree]


def test_what_the_user_brought_and_has_not_touched_is_not_copied_again(main: Path) -> None:
    """Scores of a killed run are kept by the times of these files, that of the last change too."""
    raw, names = main / "data" / "raw", ("train.jsonl", "a name  with spaces", "other.jsonl")
    for name in names[1:]:
        (raw / name).write_text("2\n")
    (raw / "below").mkdir()
    (raw / "below" / "rows").write_text("3\n")
    tree = worktree(main)
    before = [(tree / "data" / "raw" / name).stat() for name in (*names, "below/rows")]
    (raw / "other.jsonl").write_text("4\n")
    worktree(main)
    after = [(tree / "data" / "raw" / name).stat() for name in (*names, "below/rows")]
    same = [old.st_ctime_ns == new.st_ctime_ns for old, new in zip(before, after, strict=True)]
    assert same == [True, True, False, True]
    assert (tree / "data" / "raw" / "other.jsonl").read_text() == "4\n"
    (raw / "below" / "rows").unlink()
    worktree(main)
    assert not (tree / "data" / "raw" / "below" / "rows").exists()


def test_one_that_was_half_removed_is_made_anew(main: Path) -> None:
    tree = worktree(main)
    (tree / "data" / "model").write_text("ignored by git")
    (tree / ".git").unlink()
    assert worktree(main) == tree
    assert git(tree, "rev-parse", "HEAD") == git(main, "rev-parse", "HEAD")
    assert not (tree / "data" / "model").exists()


def test_a_git_that_was_killed_in_it_stops_nobody(main: Path) -> None:
    tree = worktree(main)
    (main / ".git" / "worktrees" / "retrain" / "index.lock").touch()
    assert worktree(main) == tree


def test_nothing_changes_under_a_run_that_a_killed_worker_left_at_work(
    main: Path, at_work: Path
) -> None:
    other = worktree(main, PREFECT__FLOW_RUN_ID="0123")
    assert other == at_work.with_name("retrain-0123")
    assert (other / "data" / "raw" / "train.jsonl").exists()


def test_what_failed_beside_such_a_run_is_gone_on_with_once_that_has_succeeded(
    main: Path,
) -> None:
    tree = worktree(main)
    (tree / ".rsft").mkdir()
    with FileLock(tree / ".rsft" / "lock"):
        other = worktree(main, PREFECT__FLOW_RUN_ID="0123")
    (other / ".rsft").mkdir()
    (other / ".rsft" / "part").write_text("drawn")
    quit_worktree(Workspace(root=tree, home=main))
    with FileLock(other / ".rsft" / "lock"):
        assert not (worktree(main) / ".rsft").exists(), "it is at work still"
    quit_worktree(Workspace(root=tree, home=main))
    assert worktree(main) == tree
    assert (tree / ".rsft" / "part").read_text() == "drawn"
    assert (tree / ".rsft" / "resumed").exists()
    assert not other.exists()
    assert git(main, "worktree", "list", "--porcelain").count("worktree ") == 2


def test_it_goes_when_its_run_has_succeeded(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = worktree(main)
    (tree / "data" / "model").write_text("ignored by git")
    monkeypatch.chdir(tree)
    quit_worktree(Workspace(root=tree, home=main))
    assert not tree.exists()
    assert Path.cwd() == main
    assert git(main, "worktree", "list", "--porcelain").count("worktree ") == 1


def test_one_that_somebody_made_stays(main: Path, tmp_path: Path) -> None:
    git(main, "worktree", "add", "--quiet", str(tmp_path / "mine"))
    quit_worktree(Workspace(root=tmp_path / "mine", home=main))
    quit_worktree(Workspace(root=main, home=main))
    assert (tmp_path / "mine").exists()


def test_one_of_another_name_is_left_as_it_is_but_for_its_commit(main: Path) -> None:
    tree = worktree(main, "promotion-1")
    assert tree == main / ".rsft" / "worktrees" / "promotion-1"
    assert not (tree / "data" / "raw" / "train.jsonl").exists()
