"""What lies in a store is hashed as it lies, whatever its name says."""

import hashlib
from pathlib import Path
from typing import IO

import pytest

from rsft.errors import LineageError
from rsft.lineage import Hashed, ObjectFolder, Workspace, hash_objects, open_stores
from rsft.lineage.stores import RemoteStore, remote_objects

CONTENTS = [b"", b"a", b"b" * 5000, b"c" * 3_000_000, *(b"%d" % n for n in range(200))]


def put(folder: Path, content: bytes) -> str:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    place = folder / md5[:2] / md5[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return md5


def note(done: list[tuple[int, int, str]]):
    return lambda *told: done.append(told)


def test_each_object_is_hashed_and_counted(tmp_path: Path) -> None:
    names = [put(tmp_path, content) for content in CONTENTS]
    told: list[tuple[int, int, str]] = []
    found = hash_objects(ObjectFolder(name="cache", folder=tmp_path), names, note(told))
    assert {name: each.hash for name, each in found.items()} == {name: name for name in names}
    assert [found[name].size for name in names] == [len(content) for content in CONTENTS]
    assert told[-1] == (len(names), len(names), "cache")


def test_what_is_not_there_and_what_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    gone, folder = "a" * 32, "b" * 32
    (tmp_path / folder[:2] / folder[2:]).mkdir(parents=True)
    found = hash_objects(
        ObjectFolder(name="cache", folder=tmp_path), [gone, folder], lambda *told: None
    )
    assert found[gone] == Hashed(hash=None, size=0)
    assert found[folder] == Hashed(hash=None, size=0, error="Is a directory")


def test_no_objects_are_nothing_to_hash(tmp_path: Path) -> None:
    assert hash_objects(ObjectFolder(name="x", folder=tmp_path), [], lambda *told: None) == {}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / ".dvc").mkdir()
    return Workspace(root=tmp_path, home=tmp_path)


def configure(workspace: Workspace, text: str) -> None:
    (workspace.root / ".dvc/config").write_text(text)


def test_the_stores_are_the_cache_and_the_default_remote(workspace: Workspace) -> None:
    configure(workspace, "")
    (cache,) = open_stores(workspace)
    assert cache.place("abcd") == str(workspace.root / ".dvc/cache/files/md5/ab/cd")
    configure(
        workspace,
        "[core]\n    remote = far\n[cache]\n    dir = ../shared\n"
        "['remote \"far\"']\n    url = ../store\n['remote \"other\"']\n    url = /other\n",
    )
    cache, remote = open_stores(workspace)
    assert cache.place("abcd") == str(workspace.root / "shared/files/md5/ab/cd")
    assert remote.name == "remote 'far'"
    assert remote.place("abcd") == str(workspace.root / "store/files/md5/ab/cd")


def test_a_remote_that_is_not_configured_is_an_error(workspace: Workspace) -> None:
    configure(workspace, "[core]\n    remote = far\n")
    with pytest.raises(LineageError, match="DVC's remote 'far' cannot be used"):
        open_stores(workspace)


@pytest.mark.parametrize(
    "error", [ImportError("no dvc-s3"), RuntimeError("Unable to locate\ncredentials")]
)
def test_a_bucket_that_cannot_be_reached_is_an_error_of_one_line(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def objects(*asked: object) -> None:
        raise error

    configure(workspace, "[core]\n    remote = far\n['remote \"far\"']\n    url = s3://far/x\n")
    monkeypatch.setattr("rsft.lineage.stores.remote_objects", objects)
    with pytest.raises(LineageError, match="remote 'far' cannot be used") as raised:
        open_stores(workspace)
    assert str(raised.value).count("\n") == 0


def test_what_a_file_system_raises_is_why_an_object_cannot_be_read(tmp_path: Path) -> None:
    class Away(ObjectFolder):
        def open(self, key: str) -> IO[bytes]:
            raise RuntimeError("Could not\nconnect")

    found = hash_objects(Away(name="x", folder=tmp_path), ["a" * 32], lambda *told: None)
    assert found["a" * 32] == Hashed(hash=None, size=0, error="Could not connect")


def test_a_store_that_went_away_is_told_and_not_asked_for_each_object(tmp_path: Path) -> None:
    asked: list[str] = []

    class Away(ObjectFolder):
        def open(self, key: str) -> IO[bytes]:
            asked.append(key)
            raise TimeoutError("no answer")

        def require_reached(self) -> None:
            raise LineageError("x cannot be used (no answer)")

    names = [f"{number:032}" for number in range(100_000)]
    with pytest.raises(LineageError, match="no answer"):
        hash_objects(Away(name="x", folder=tmp_path), names, lambda *told: None)
    assert len(asked) < 1_000  # one for each batch that was begun before the first was heard of


def test_an_object_whose_connection_broke_is_read_again(tmp_path: Path) -> None:
    broken: list[str] = []

    class Breaking(ObjectFolder):
        def open(self, key: str) -> IO[bytes]:
            if key not in broken:
                broken.append(key)
                raise ConnectionError("broken pipe")
            return super().open(key)

    names = [put(tmp_path, content) for content in CONTENTS]
    found = hash_objects(Breaking(name="x", folder=tmp_path), names, lambda *told: None)
    assert [found[name].hash for name in names] == names


def test_a_bucket_is_read_through_dvcs_file_system(tmp_path: Path) -> None:
    """A folder that DVC reaches stands for it."""
    from dvc.repo import Repo

    Repo.init(str(tmp_path), no_scm=True).close()
    with (tmp_path / ".dvc/config").open("a") as config:
        config.write(f"    remote = far\n['remote \"far\"']\n    url = {tmp_path}/store\n")
    objects = remote_objects(Workspace(root=tmp_path, home=tmp_path), "far")
    store = RemoteStore(name="remote 'far'", database=objects)
    names = [put(tmp_path / "store/files/md5", content) for content in CONTENTS[:4]]
    found = hash_objects(store, [*names, "a" * 32], lambda *told: None)
    assert [found[name].hash for name in names] == names
    assert found["a" * 32] == Hashed(hash=None, size=0)
