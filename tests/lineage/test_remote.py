"""Pushing to DVC's remote: that all of a run comes there, and what is said where it cannot."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from rsft.lineage import Push, Workspace, owe_push, owed_runs, push_owed, tag_run
from tests.workspaces import git, make_repository

RUN = "20260101T000000-aaaa"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dvc.repo import Repo

    folder = tmp_path_factory.mktemp("template")
    Repo.init(str(folder), no_scm=True).close()
    config = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../.rsft/remote\n"
    (folder / ".dvc" / "config").write_text(config)
    (folder / "dvc.yaml").write_text("stages: {}\n")
    (folder / "dvc.lock").write_text("")
    (folder / ".gitignore").write_text(".rsft/\n")
    return make_repository(folder)


@pytest.fixture
def checkout(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path


def keep(folder: Path, content: bytes, suffix: str = "") -> str:
    """Puts an object into the cache."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    file = folder / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return md5


def make_run(folder: Path, run_id: str = RUN, word: str = "one") -> dict[str, str]:
    """A run that made a folder of a file, and a file, from a file; gives its objects by name."""
    member = keep(folder, f"{word} of a folder".encode())
    listed = json.dumps([{"md5": member, "relpath": "part"}]).encode()
    objects = {
        "member": member,
        "folder": keep(folder, listed, ".dir"),
        "file": keep(folder, word.encode()),
        "input": keep(folder, f"{word} was given".encode()),
    }
    outs = {f"data/{name}": record(objects[name]) for name in ("folder", "file")}
    manifest = {"stages": {"make": {"deps": {}, "outs": outs}}}
    inputs = {"inputs": {"data/raw": record(objects["input"])}}
    owe_push(workspace(folder), run_id)
    tag_run(workspace(folder), run_id, manifest | inputs)
    return objects


def record(md5: str) -> dict[str, object]:
    return {"hash": md5, "size": 1, "files": 1}


def workspace(folder: Path) -> Workspace:
    return Workspace(root=folder, home=folder)


def push(folder: Path) -> Push:
    return push_owed(workspace(folder))


def notes(folder: Path) -> list[str]:
    """Runs that are noted to owe their push."""
    return [note.name for note in (folder / ".rsft" / "unpushed").iterdir()]


def there(folder: Path) -> set[str]:
    """The objects in the remote."""
    top = folder / ".rsft" / "remote" / "files" / "md5"
    return {"".join(file.relative_to(top).parts) for file in top.rglob("*") if file.is_file()}


def test_all_that_a_run_made_and_was_given_comes_to_the_remote(checkout: Path) -> None:
    objects = make_run(checkout)
    keep(checkout, b"of no run")
    done = push(checkout)
    assert (done.objects, done.problem, done.line) == (4, None, None)
    assert done.remote == str(checkout / ".rsft" / "remote")
    assert there(checkout) == set(objects.values())


def test_what_is_there_is_not_pushed_again(checkout: Path) -> None:
    make_run(checkout)
    push(checkout)
    owe_push(workspace(checkout), RUN)
    done = push(checkout)
    assert (done.objects, done.problem) == (0, None)


def test_a_run_that_was_killed_before_its_push_is_pushed_by_the_next(checkout: Path) -> None:
    first = make_run(checkout)
    second = make_run(checkout, "20260101T000001-bbbb", "two")
    assert push(checkout).runs == [RUN, "20260101T000001-bbbb"]
    assert there(checkout) == {*first.values(), *second.values()}


def test_a_run_that_never_got_its_tag_owes_nothing(checkout: Path) -> None:
    owe_push(workspace(checkout), "20251231T000000-dead")  # killed, or the disk was full
    assert owed_runs(workspace(checkout)) == []
    make_run(checkout)
    assert owed_runs(workspace(checkout)) == [RUN]
    assert push(checkout).runs == [RUN]
    assert notes(checkout) == []


def test_a_run_at_work_elsewhere_may_be_about_to_get_its_tag(checkout: Path) -> None:
    tree, later = checkout / ".rsft" / "tree", "20260101T000001-bbbb"
    git(checkout, "worktree", "add", "--quiet", "--detach", str(tree))
    make_run(checkout)
    with Workspace(root=tree, home=checkout).hold(later):
        owe_push(workspace(checkout), later)
        assert push(checkout).runs == [RUN]
        assert notes(checkout) == [later]
    objects = make_run(checkout, later, "two")
    assert push(checkout).runs == [later]
    assert set(objects.values()) < there(checkout)


def test_the_copies_are_not_the_same_file(checkout: Path) -> None:
    """Else a byte flipped in the one would be flipped in the other."""
    objects = make_run(checkout)
    push(checkout)
    path = Path("files/md5") / objects["file"][:2] / objects["file"][2:]
    ours, theirs = checkout / ".dvc/cache" / path, checkout / ".rsft/remote" / path
    assert ours.read_bytes() == theirs.read_bytes()
    assert not ours.samefile(theirs)


def test_without_a_remote_it_says_so_and_a_later_one_gets_it_too(checkout: Path) -> None:
    settings = checkout / ".dvc" / "config"
    text = settings.read_text()
    settings.write_text("")
    first = make_run(checkout)
    done = push(checkout)
    assert done.remote is None
    assert "no DVC remote is set" in str(done.line)
    settings.write_text(text)
    second = make_run(checkout, "20260101T000001-bbbb", "two")
    assert push(checkout).objects == 8
    assert there(checkout) == {*first.values(), *second.values()}


def test_a_remote_that_is_away_is_one_line_and_the_next_run_pushes_both(checkout: Path) -> None:
    (checkout / ".rsft").mkdir()
    (checkout / ".rsft" / "remote").write_text("no folder")
    first = make_run(checkout)
    done = push(checkout)
    assert done.problem is not None
    assert "Not a directory" in done.problem
    assert str(done.line).startswith(f"not pushed to {checkout}/.rsft/remote: ")
    assert "\n" not in str(done.line)
    (checkout / ".rsft" / "remote").unlink()
    second = make_run(checkout, "20260101T000001-bbbb", "two")
    done = push(checkout)
    assert (done.objects, done.problem) == (8, None)
    assert there(checkout) == {*first.values(), *second.values()}
    third = make_run(checkout, "20260101T000002-cccc", "three")
    assert push(checkout).runs == ["20260101T000002-cccc"]
    assert set(third.values()) < there(checkout)


def test_the_remote_s_address_holds_no_password(checkout: Path) -> None:
    url = "http://ann:hunter2@127.0.0.1:9/store?key=hunter2"
    local = checkout / ".dvc" / "config.local"
    local.write_text(f"['remote \"store\"']\n    url = {url}\n")
    make_run(checkout)
    line = str(push(checkout).line)
    assert line.startswith("not pushed to http://***@127.0.0.1:9/store?***: ")
    assert "hunter2" not in line


def test_a_full_remote_is_one_line_and_what_is_there_is_whole(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc_objects.fs import local

    real = local.copyfile

    def copy(source: str, target: str, **options: object) -> None:
        if Path(source).read_bytes() == b"one":
            Path(target).write_bytes(b"on")  # as far as it came
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target, **options)

    monkeypatch.setattr(local, "copyfile", copy)
    objects = make_run(checkout)
    done = push(checkout)
    full = "1 of 4 objects (No space left on device); the next run tries again"
    assert done.problem == full
    assert list((checkout / ".rsft" / "remote").rglob("*.tmp")) == []
    assert there(checkout) == set(objects.values()) - {objects["file"]}
    monkeypatch.undo()
    assert push(checkout).objects == 1


def test_an_object_that_the_cache_lost_is_told_and_not_tried_for_ever(checkout: Path) -> None:
    objects = make_run(checkout)
    lost = objects["member"]
    (checkout / ".dvc/cache/files/md5" / lost[:2] / lost[2:]).unlink()
    done = push(checkout)
    assert done.problem == "1 that the cache has no more, `rsft audit` names them"
    assert there(checkout) == {objects["file"], objects["input"]}
    assert notes(checkout) == []
