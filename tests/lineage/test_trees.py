"""A run's files in a folder of their own, and data sets as DVC would record them."""

import hashlib
import json
from pathlib import Path

import pytest

from rsft.errors import LineageError
from rsft.lineage import Cache, Member, Workspace
from rsft.lineage.trees import contents_of, put_back, write_tree
from tests.workspaces import git, make_repository


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


FILES = {"a.txt": b"one\r\n", "b/ü.txt": b"two"}
LISTED = [{"md5": md5(content), "relpath": path} for path, content in FILES.items()]
FOLDER = json.dumps(LISTED).encode()
"""A folder's list as DVC writes it: sorted by path, ASCII."""
MEMBERS = [Member(path=path, hash=md5(content)) for path, content in FILES.items()]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in {"rsft/code.py": "old\n", "notes": "1\n", ".gitignore": "*.log\n"}.items():
        (tmp_path / "main" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "main" / name).write_text(text)
    return make_repository(tmp_path / "main")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache that holds the folder and its files."""
    cache = Cache(Workspace(root=tmp_path, home=tmp_path))
    store(cache, FOLDER, ".dir")
    for content in FILES.values():
        store(cache, content)
    return cache


def store(cache: Cache, content: bytes, suffix: str = "") -> str:
    name = md5(content) + suffix
    cache.object(name).parent.mkdir(parents=True, exist_ok=True)
    cache.object(name).write_bytes(content)
    return name


def test_the_commits_files_are_written_and_nothing_else_changes(
    checkout: Path, tmp_path: Path
) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout / "notes").write_text("edited\n")
    (checkout / "stray").write_text("secret")

    def state() -> list[str]:
        asked = (["status", "--porcelain"], ["diff"], ["worktree", "list"], ["for-each-ref"])
        return [git(checkout, *question) for question in asked]

    before = state()
    target = tmp_path / "two words"
    target.mkdir()
    write_tree(Workspace(root=checkout, home=checkout), commit, target)
    found = {str(file.relative_to(target)) for file in target.rglob("*") if file.is_file()}
    assert found == {"rsft/code.py", "notes", ".gitignore"}
    assert (target / "notes").read_text() == "1\n"
    assert state() == before


def test_a_folder_is_hashed_as_dvc_does(tmp_path: Path) -> None:
    for path, content in FILES.items():
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / path).write_bytes(content)
    found = contents_of(tmp_path / "data", tmp_path)
    assert found is not None
    assert found.hash == f"{md5(FOLDER)}.dir"
    assert sorted(found.members, key=lambda member: member.path) == MEMBERS


def test_what_dvc_ignores_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "data" / "__pycache__").mkdir(parents=True)
    (tmp_path / "data" / "a.txt").write_bytes(b"one\r\n")
    (tmp_path / ".dvcignore").write_text("__pycache__\n")
    before = contents_of(tmp_path / "data", tmp_path)
    (tmp_path / "data" / "__pycache__" / "a.pyc").write_bytes(b"two")
    assert contents_of(tmp_path / "data", tmp_path) == before
    (tmp_path / ".dvcignore").write_text("")
    assert contents_of(tmp_path / "data", tmp_path) != before


def test_a_file_is_its_bytes_and_nothing_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\r\n")
    found = contents_of(tmp_path / "a.txt", tmp_path)
    assert found is not None
    assert (found.hash, found.members) == (md5(b"one\r\n"), [Member(path="", hash=found.hash)])
    assert contents_of(tmp_path / "b.txt", tmp_path) is None


def test_a_folder_comes_back_as_copies(cache: Cache, tmp_path: Path) -> None:
    target = tmp_path / "out" / "data"
    assert put_back(cache, f"{md5(FOLDER)}.dir", target)
    for path, content in FILES.items():
        assert (target / path).read_bytes() == content
        (target / path).write_bytes(b"spoilt")
        assert cache.object(md5(content)).read_bytes() == content


def test_a_file_comes_back(cache: Cache, tmp_path: Path) -> None:
    assert put_back(cache, md5(b"two"), tmp_path / "out" / "two.txt")
    assert (tmp_path / "out" / "two.txt").read_bytes() == b"two"


@pytest.mark.parametrize("missing", [f"{md5(FOLDER)}.dir", md5(b"two")])
def test_of_what_is_not_wholly_there_nothing_comes_back(
    cache: Cache, tmp_path: Path, missing: str
) -> None:
    cache.object(missing).unlink()
    assert not put_back(cache, f"{md5(FOLDER)}.dir", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("spoilt", [f"{md5(FOLDER)}.dir", md5(b"two")])
def test_an_object_that_is_not_what_its_name_says_is_an_error(
    cache: Cache, tmp_path: Path, spoilt: str
) -> None:
    cache.object(spoilt).write_bytes(FOLDER.replace(b"a.txt", b"c.txt"))
    with pytest.raises(LineageError, match=rf"{cache.object(spoilt)}: its MD5 is [0-9a-f]{{32}}"):
        put_back(cache, f"{md5(FOLDER)}.dir", tmp_path / "out")


def test_a_list_cannot_write_elsewhere(cache: Cache, tmp_path: Path) -> None:
    listed = json.dumps([{"md5": md5(b"two"), "relpath": "../elsewhere"}]).encode()
    name = store(cache, listed, ".dir")
    with pytest.raises(LineageError, match=r"holds '\.\./elsewhere', which lies outside"):
        put_back(cache, name, tmp_path / "out")
    assert not (tmp_path / "elsewhere").exists()
