"""Which folder is a workspace, and who holds it."""

import json
import pwd
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import rsft
from rsft.errors import WorkspaceError
from rsft.lineage import Workspace, hold_checkouts
from tests.workspaces import ROOT, git, make_repository

HOLD = """
import sys, time
from pathlib import Path
from rsft.lineage import Workspace

folder = Path(sys.argv[1])
with Workspace(root=folder, home=folder).hold("20260101-other"):
    print("held", flush=True)
    time.sleep(60)
"""
"""Another process's run: it says when it holds the workspace, and goes on holding it."""


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed checkout that the code at work seems to lie in."""
    folder = tmp_path / "main checkout #1"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text("")
    (folder / "dvc.yaml").write_text("stages: {}\n")
    make_repository(folder)
    use_code_of(folder, monkeypatch)
    return folder


@pytest.fixture
def tree(checkout: Path, tmp_path: Path) -> Path:
    """A linked worktree of the checkout."""
    folder = tmp_path / "tree"
    git(checkout, "worktree", "add", "--quiet", "--detach", str(folder))
    return folder


def use_code_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsft, "__file__", str(folder / "rsft" / "__init__.py"))


def workspace(folder: Path) -> Workspace:
    return Workspace(root=folder, home=folder)


@pytest.fixture
def other_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds ``tmp_path``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_without_git_the_error_says_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkspaceError, match=r"git is not installed.*install it"):
        Workspace.open(tmp_path)


def test_a_folder_in_no_checkout_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(WorkspaceError, match=f"{tmp_path} is not in a git checkout.*`git init`"):
        Workspace.open(tmp_path)


def test_a_checkout_without_stages_is_refused(checkout: Path) -> None:
    (checkout / "dvc.yaml").unlink()
    with pytest.raises(WorkspaceError, match=r"main checkout #1 has no dvc\.yaml"):
        Workspace.open(checkout)


def test_the_code_of_another_checkout_is_refused(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_code_of(tmp_path / "elsewhere", monkeypatch)
    with pytest.raises(WorkspaceError, match=r"elsewhere/rsft, not that of .*main checkout"):
        Workspace.open(checkout)


def test_a_folder_below_the_top_belongs_to_the_checkout(checkout: Path) -> None:
    (checkout / "data").mkdir()
    assert Workspace.open(checkout / "data") == workspace(checkout)


def test_a_linked_worktree_is_a_workspace_whose_home_is_the_main_checkout(
    checkout: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_code_of(tree, monkeypatch)
    assert Workspace.open(tree) == Workspace(root=tree, home=checkout)


def test_a_linked_worktree_uses_the_remote_of_the_main_checkout(
    checkout: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.config import Config

    monkeypatch.chdir(tree)
    own = "[core]\n    remote = near\n['remote \"near\"']\n    url = ../.rsft/remote\n"
    for folder in (checkout, tree):
        (folder / ".dvc" / "config").write_text(own)
    Workspace(root=tree, home=checkout).enter()
    assert Config(str(tree / ".dvc"))["remote"]["near"]["url"] == str(checkout / ".rsft/remote")
    private = "[core]\n    remote = far\n['remote \"far\"']\n    url = s3://bucket/x\n"
    (checkout / ".dvc" / "config.local").write_text(private)
    Workspace(root=tree, home=checkout).enter()
    found = Config(str(tree / ".dvc"))
    assert (found["core"]["remote"], found["remote"]["far"]["url"]) == ("far", "s3://bucket/x")


def test_a_linked_worktree_uses_the_cache_of_the_main_checkout(
    checkout: Path, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    Workspace(root=tree, home=checkout).enter()
    assert Path.cwd() == tree
    with Repo() as repo:
        assert Path(repo.cache.local.path).is_relative_to(checkout / ".dvc" / "cache")


def test_settings_of_its_own_survive_in_a_linked_worktree(
    checkout: Path, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tree / ".dvc" / "config.local"
    own.write_text("['remote \"store\"']\n    url = /store\n")
    for _ in range(2):
        Workspace(root=tree, home=checkout).enter()
    assert own.read_text().count("url = /store") == 1
    assert own.read_text().count("[cache]") == 1


def test_entering_the_main_checkout_changes_no_settings(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    workspace(checkout).enter()
    assert Path.cwd() == checkout
    assert not (checkout / ".dvc" / "config.local").exists()


def test_a_second_run_is_told_who_holds_the_workspace_and_how_to_wait(
    tmp_path: Path, other_run: subprocess.Popen[str]
) -> None:
    holder = json.loads((tmp_path / ".rsft" / "holder.json").read_text())
    user = pwd.getpwuid((tmp_path / ".rsft" / "lock").stat().st_uid).pw_name
    with pytest.raises(WorkspaceError) as caught, workspace(tmp_path).hold("mine"):
        pass
    with pytest.raises(WorkspaceError) as first:
        workspace(tmp_path).require_free()
    message = str(caught.value)
    assert str(first.value) == message
    assert f"run 20260101-other (process {other_run.pid} of {user}@" in message
    assert f"since {holder['since']}" in message
    assert "`rsft run --wait`" in message


def test_a_second_run_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with (
        workspace(tmp_path).hold("first"),
        pytest.raises(WorkspaceError, match="held by run first"),
        workspace(tmp_path).hold("second"),
    ):
        pass


def test_the_lock_falls_when_its_process_is_killed(
    tmp_path: Path, other_run: subprocess.Popen[str]
) -> None:
    other_run.kill()
    other_run.wait()
    workspace(tmp_path).require_free()
    with workspace(tmp_path).hold("mine"):
        assert "mine" in (tmp_path / ".rsft" / "holder.json").read_text()


def test_the_lock_falls_when_a_run_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), workspace(tmp_path).hold("first"):
        raise RuntimeError
    with workspace(tmp_path).hold("second"):
        pass


def test_a_run_that_waits_gets_the_workspace_next(tmp_path: Path) -> None:
    order = []

    def wait() -> None:
        with workspace(tmp_path).hold("second", on_wait=order.append):
            order.append("second")

    thread = threading.Thread(target=wait)
    with workspace(tmp_path).hold("first"):
        thread.start()
        thread.join(timeout=0.3)
        order.append("first")
    thread.join(timeout=10)
    told, *order = order
    assert told.startswith("run first (process ")
    assert order == ["first", "second"]


def test_in_a_checkout_that_is_made_while_all_are_held_no_run_begins(
    checkout: Path, tmp_path: Path
) -> None:
    """What is being deleted would else be taken for finished work of its stages."""
    tree, told = tmp_path / "made since", []
    new = Workspace(root=tree, home=checkout)

    def wait() -> None:
        with new.hold("a run", on_wait=told.append):
            told.append("it begins")

    with hold_checkouts(workspace(checkout), "gc"):
        git(checkout, "worktree", "add", "--quiet", "--detach", str(tree))
        with pytest.raises(WorkspaceError, match=r"#1 is held by run gc"), new.hold("a run"):
            pass
        with (
            pytest.raises(WorkspaceError, match=r"#1 is held by run gc"),
            hold_checkouts(new, "purge"),
        ):
            pass
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(timeout=3)
        assert len(told) == 1
    thread.join(timeout=10)
    assert [told[0][:7], told[1]] == ["run gc ", "it begins"]


def test_while_a_run_is_at_work_in_a_new_checkout_nobody_holds_all(
    checkout: Path, tree: Path
) -> None:
    new = Workspace(root=tree, home=checkout)
    with (
        new.hold("a run"),
        pytest.raises(WorkspaceError, match="tree is held by run a run"),
        hold_checkouts(workspace(checkout), "gc"),
    ):
        pass
    with workspace(checkout).hold("another"), new.hold("a run"):
        pass


def test_an_unreadable_holder_is_a_run_that_has_just_begun(tmp_path: Path) -> None:
    with workspace(tmp_path).hold("first"):
        (tmp_path / ".rsft" / "holder.json").write_text("{")
        with (
            pytest.raises(WorkspaceError, match="a run that has just begun"),
            workspace(tmp_path).hold("second"),
        ):
            pass


def test_a_user_without_a_name_is_known_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with (
        workspace(tmp_path).hold("first"),
        pytest.raises(WorkspaceError, match=r"of 12345@"),
        workspace(tmp_path).hold("second"),
    ):
        pass
