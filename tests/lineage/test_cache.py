"""The cache, and lists of folders' files, which may be anything."""

import json
from pathlib import Path

import pytest

from rsft.errors import LineageError
from rsft.lineage import (
    Cache,
    Member,
    Trees,
    Workspace,
    folder_md5,
    is_object,
    md5_of,
    parse_members,
)
from tests.workspaces import make_repository

MD5 = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "1",
        "[1]",
        f'[{{"md5": "{MD5}"}}]',
        f'[{{"relpath": 1, "md5": "{MD5}"}}]',
        '[{"relpath": "a", "md5": "../../../etc/passwd"}]',
        '[{"relpath": "a", "md5": null}]',
        f'[{{"relpath": "a", "md5": "{MD5}.dir"}}]',
    ],
)
def test_what_is_no_list_of_files_is_refused(content: str) -> None:
    with pytest.raises(LineageError, match=r"ab\.dir is no list of a folder's files"):
        parse_members(content.encode(), name="ab.dir")


def test_a_list_gives_its_files() -> None:
    listed = json.dumps([{"md5": MD5, "relpath": "a/b"}])
    assert parse_members(listed.encode(), name="x") == [Member(path="a/b", hash=MD5)]


@pytest.mark.parametrize("text", ["", "abcd", MD5.upper(), f"{MD5}.dir.dir", f"{MD5}\n", "/etc/x"])
def test_what_is_no_object_is_known(text: str) -> None:
    assert is_object(MD5)
    assert is_object(f"{MD5}.dir")
    assert not is_object(text)


@pytest.mark.parametrize("name", ["ab/home/u/thesis.tex", "../../../etc/x.dir", "", 5])
def test_what_is_no_object_has_no_place_in_the_cache(tmp_path: Path, name: object) -> None:
    (tmp_path / ".dvc").mkdir()
    cache = Cache(Workspace(root=tmp_path, home=tmp_path))
    for ask in (cache.object, cache.members):
        with pytest.raises(LineageError, match="names no object of a cache"):
            ask(name)


def test_a_list_that_is_not_in_the_cache_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    cache = Cache(Workspace(root=tmp_path, home=tmp_path))
    assert cache.members(MD5) == [Member(path="", hash=MD5)]
    with pytest.raises(LineageError, match=f"the list of data set {MD5}.dir is not in the cache"):
        cache.members(f"{MD5}.dir")


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")
def test_a_commits_paths_have_the_hashes_that_dvc_gives_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    folder = tmp_path / "part"
    for name, text in {"a.txt": "1\r\n", "sub/ü.py": "2", "sub/b c": "", "z": "4"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    make_repository(tmp_path)
    trees = Trees(Workspace(root=tmp_path, home=tmp_path))
    monkeypatch.chdir(tmp_path)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        (stage,) = repo.add("part")
    assert trees.md5("HEAD", "part") == stage.outs[0].hash_info.value
    assert trees.md5("HEAD", "part/a.txt") == md5_of(b"1\r\n")
    assert trees.md5("HEAD", "part/none") is None
    assert trees.read("HEAD", "part/z") == b"4"
    assert trees.read("HEAD", "part/none") is None


def test_a_folders_hash_is_that_of_its_sorted_list() -> None:
    listed = b'[{"md5": "1", "relpath": "a"}, {"md5": "2", "relpath": "b"}]'
    assert folder_md5({"b": "2", "a": "1"}) == f"{md5_of(listed)}.dir"
