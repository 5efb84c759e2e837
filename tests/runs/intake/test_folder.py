"""What is dropped into the watched folder is taken in once, versioned, and moved away."""

import json
import os
import shutil
from pathlib import Path

import pytest

from rsft.config import INCOMING, Config
from rsft.errors import ConfigurationError, LineageError, PromptsError, WorkspaceError
from rsft.lineage import Workspace
from rsft.runs.intake import Taken, add_prompts, take_folder, take_in, take_upstream
from tests.runs.intake.conftest import TRAIN, settings, write
from tests.workspaces import ROOT, make_repository

# DVC walks its own tries in a way that their library is about to forbid.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

NEW = {"id": "u1", "prompt": "5 + 5?", "answer": "10"}
OTHER = {**NEW, "id": "u2", "prompt": "6 + 4?"}
LONG_AGO = 1_700_000_000


@pytest.fixture
def workspace(place: Path) -> Workspace:
    """That folder as a checkout with DVC."""
    shutil.copytree(ROOT / ".dvc", ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    (place / "data" / ".gitignore").write_text("*\n!*.dvc\n!/raw/\n")
    (place / "dvc.yaml").write_text("stages: {}\n")
    make_repository(place)
    return Workspace(root=place, home=place)


def drop(name: str, *rows: object, written: float = LONG_AGO) -> Path:
    file = write(INCOMING / name, *rows)
    os.utime(file, (written, written))
    return file


def take(workspace: Workspace, config: Config | None = None) -> list[Taken]:
    return list(take_folder(workspace, config or settings()))


def left() -> list[str]:
    return sorted(file.name for file in INCOMING.iterdir() if file.is_file())


def test_files_are_taken_in_in_order_and_moved_with_a_report(workspace: Workspace) -> None:
    drop("b.jsonl", NEW, {**NEW, "id": "u2", "prompt": "6?"})
    drop("a.jsonl", NEW)
    first, second = take(workspace)
    assert [(one.name, one.addition and one.addition.new) for one in (first, second)] == [
        ("a.jsonl", 1),
        ("b.jsonl", 1),
    ]
    assert left() == []
    assert first.moved_to.parent == INCOMING / "done"
    assert first.moved_to.name.endswith("-a.jsonl")
    report = first.moved_to.with_name(f"{first.moved_to.name}.report.json")
    assert json.loads(report.read_text()) == json.loads(json.dumps(first.as_dict()))
    pointer = Path("data/raw/train.jsonl.dvc").read_text()
    assert second.addition is not None
    md5 = second.addition.fingerprint
    assert md5 in pointer
    assert Path(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}").read_bytes() == (
        Path("data/raw/train.jsonl").read_bytes()
    )
    assert take(workspace) == []


def test_what_is_no_file_of_prompts_is_put_aside_and_the_others_are_taken_in(
    workspace: Workspace, tmp_path: Path
) -> None:
    drop("0.jsonl")
    drop("1.jsonl", "{oops")
    (INCOMING / "2").mkdir()
    os.utime(INCOMING / "2", (LONG_AGO, LONG_AGO))
    (INCOMING / "3.jsonl").symlink_to(write(tmp_path / "out.jsonl", NEW))
    os.utime(INCOMING / "3.jsonl", (LONG_AGO, LONG_AGO), follow_symlinks=False)
    drop("4.jsonl", NEW)
    taken = take(workspace)
    assert [one.moved_to.parent.name for one in taken] == [*["refused"] * 4, "done"]
    assert [bool(one.problem) for one in taken] == [True, False, True, True, False]
    assert taken[3].problem is not None
    assert "a symbolic link" in taken[3].problem
    assert (tmp_path / "out.jsonl").exists()


def test_the_longest_of_names_and_a_file_that_went_away_keep_no_other_waiting(
    workspace: Workspace,
) -> None:
    drop(f"{'ä' * 124}.jsonl", NEW)  # 254 bytes, to which the time would come
    drop("a.jsonl", OTHER)
    drop("b.jsonl", OTHER)
    taken = take_folder(workspace, settings())
    assert next(taken).name == "a.jsonl"
    (INCOMING / "b.jsonl").unlink()
    (named,) = taken
    assert named.moved_to.with_name(f"{named.moved_to.name}.report.json").exists()
    assert named.moved_to.name.endswith(f"{'ä' * 97}.jsonl")
    assert left() == []


def test_what_cannot_be_moved_is_told(workspace: Workspace) -> None:
    drop("a.jsonl", NEW)
    (INCOMING / "done").touch()
    with pytest.raises(PromptsError, match=r"a.jsonl: what is of use .* cannot be moved to .*done"):
        take(workspace)


def test_what_is_still_being_written_is_left_alone(workspace: Workspace) -> None:
    drop("new.jsonl", NEW, written=INCOMING.parent.stat().st_mtime)
    drop(".hidden.jsonl", NEW)
    drop("copy.jsonl.part", NEW)
    assert take(workspace) == []
    assert left() == [".hidden.jsonl", "copy.jsonl.part", "new.jsonl"]


def test_what_was_taken_in_and_not_moved_is_known_the_next_time(workspace: Workspace) -> None:
    file = drop("a.jsonl", NEW)
    add_prompts(file, settings())  # and the machine goes down
    (taken,) = take(workspace)
    assert taken.addition is not None
    assert (taken.addition.new, taken.addition.known) == (0, 1)
    assert taken.addition.fingerprint in Path("data/raw/train.jsonl.dvc").read_text()


def test_where_the_workspace_can_take_nothing_in_all_stays(workspace: Workspace) -> None:
    drop("a.jsonl", NEW)
    with pytest.raises(ConfigurationError, match="limit"):
        take(workspace, settings(limit=5))
    assert left() == ["a.jsonl"]


def test_a_run_that_holds_the_workspace_is_not_disturbed(workspace: Workspace) -> None:
    before = Path("data/raw/train.jsonl").read_bytes()
    with workspace.hold("r1"), pytest.raises(WorkspaceError, match="is held by run r1"):
        take_in(workspace, settings(), write(Path("in.jsonl"), NEW))
    assert Path("data/raw/train.jsonl").read_bytes() == before


def test_what_is_known_makes_a_version_where_there_is_none(workspace: Workspace) -> None:
    done = take_in(workspace, settings(), write(Path("in.jsonl"), TRAIN[0]))
    assert done.new == 0
    assert done.fingerprint in Path("data/raw/train.jsonl.dvc").read_text()


def test_a_version_that_came_by_git_is_fetched_and_its_rows_are_added(
    workspace: Workspace, tmp_path: Path
) -> None:
    shutil.copytree(workspace.root, tmp_path / "theirs")
    add(tmp_path / "theirs", NEW)
    add(workspace.root, OTHER)
    pull(tmp_path / "theirs", workspace.root)
    with pytest.raises(LineageError, match="came meanwhile; add the file again"):
        take_in(workspace, settings(), write(Path("in.jsonl"), NEW))
    done = take_upstream(workspace, settings())
    assert done is not None
    assert (done.source, done.new, done.known, done.total) == ("train.jsonl.dvc", 1, 2, 4)
    rows = [json.loads(line) for line in Path("data/raw/train.jsonl").read_text().splitlines()]
    assert rows == [*TRAIN, OTHER, NEW]
    assert done.fingerprint in Path("data/raw/train.jsonl.dvc").read_text()
    assert take_upstream(workspace, settings()) is None


def test_an_older_pointer_brings_nothing_back(workspace: Workspace) -> None:
    add(workspace.root, NEW)
    older = Path("data/raw/train.jsonl.dvc").read_text()
    add(workspace.root, OTHER)
    Path("data/raw/train.jsonl.dvc").write_text(older)
    assert take_upstream(workspace, settings()) is None


def test_a_version_that_nobody_pushed_is_told(workspace: Workspace) -> None:
    Path("data/raw/train.jsonl.dvc").write_text(f"outs:\n- md5: {'a' * 32}\n  path: train.jsonl\n")
    with pytest.raises(LineageError, match="who made it has to `dvc push` it"):
        take_upstream(workspace, settings())
    Path("data/raw/train.jsonl.dvc").write_text("outs: [{md5: ../../x}]")
    with pytest.raises(LineageError, match="is no file's MD5; restore it with git"):
        take_upstream(workspace, settings())


def add(folder: Path, row: object) -> None:
    """Adds a prompt in a checkout."""
    before = Path.cwd()
    os.chdir(folder)
    take_in(Workspace(root=folder, home=folder), settings(), write(Path("in.jsonl"), row))
    os.chdir(before)


def pull(theirs: Path, ours: Path) -> None:
    """What `git pull` brings, and `dvc push` has put into the remote."""
    shutil.copy(theirs / "data" / "raw" / "train.jsonl.dvc", ours / "data" / "raw")
    shutil.copytree(theirs / ".dvc" / "cache", ours / ".rsft" / "remote", dirs_exist_ok=True)
