"""A disk that fills while results are recorded: one line, nothing half-written, the same hashes."""

import errno
import os
import random
from pathlib import Path
from typing import Any

import pytest

from rsft.errors import LineageError
from rsft.lineage import Pipeline, Workspace, folder_md5, md5_of
from rsft.lineage.git import run_git
from tests.disks import Disk
from tests.disks import disk as disk
from tests.workspaces import make_repository

FILES, BYTES = 4, 100_000
"""Of the output of a stage."""


def make() -> None:
    Path("b").mkdir()
    for number in range(FILES):
        Path(f"b/{number}").write_bytes(bytes([number]) * BYTES)


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """One stage, which makes a folder."""
    from dvc.repo import Repo

    (tmp_path / "dvc.yaml").write_text("stages:\n  b: {cmd: b, deps: [a.txt], outs: [b]}\n")
    (tmp_path / "a.txt").write_text("a")
    Repo.init(str(tmp_path), no_scm=True).close()
    monkeypatch.chdir(tmp_path)
    return Workspace(root=tmp_path, home=tmp_path)


def run(workspace: Workspace) -> tuple[str, str]:
    with Pipeline(workspace) as pipeline:
        done = pipeline.run("b", make)
    return done.state, done.outs["b"].hash


def test_a_cache_that_fills_is_one_line_and_the_next_run_records_the_same(
    big: Workspace, disk: Disk
) -> None:
    disk(big.root / ".dvc/cache", "300k")
    with pytest.raises(LineageError) as told:
        run(big)
    cache = big.root / ".dvc/cache/files/md5"
    message = str(told.value)
    assert message.startswith(f"stage 'b': it could not be written to {cache} (")
    assert " bytes free, 400,000 needed); nothing of it is recorded, " in message
    assert not (big.root / "dvc.lock").exists()
    assert not list((big.root / ".dvc/cache").glob("runs/*/*/*"))
    disk(big.root / ".dvc/cache", "3m")
    made = {str(number): md5_of(bytes([number]) * BYTES) for number in range(FILES)}
    assert run(big) == ("ran", folder_md5(made))
    assert run(big)[0] == "reused"
    assert len([f for f in cache.glob("??/*") if not f.name.endswith(".tmp")]) == FILES + 1


def test_what_the_user_brings_is_proven_to_be_kept(big: Workspace, disk: Disk) -> None:
    (big.root / "a.txt").write_bytes(b"a" * 5 * BYTES)
    disk(big.root / ".dvc/cache", "300k")
    with pytest.raises(LineageError, match=r"^a\.txt: it could not be written to .* 500,000 need"):
        Pipeline(big).keep_inputs()


def test_a_disk_that_git_fills_is_told_with_what_to_do(tmp_path: Path, disk: Disk) -> None:
    disk(tmp_path / "checkout", "400k")
    (tmp_path / "checkout" / "a.txt").write_text("a")
    checkout = make_repository(tmp_path / "checkout")
    text = random.Random(0).randbytes(800_000).hex()  # half of which is left when it is packed
    with pytest.raises(LineageError, match=r"^git hash-object: it .*/\.git \(.*make room") as told:
        run_git(checkout, "hash-object", "-w", "--stdin", given=text)
    assert "\n" not in str(told.value)


def test_a_data_disk_that_fills_says_which_file(big: Workspace) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/rounds/1/monitor.json")

    with (
        Pipeline(big) as pipeline,
        pytest.raises(LineageError, match=r"^stage 'b': it .* to data/rounds/1/monitor\.json \("),
    ):
        pipeline.run("b", full)


def test_a_lock_is_written_whole_or_stays_as_it_was(
    big: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(big)
    lock = big.root / "dvc.lock"
    before = lock.read_bytes()
    (big.root / "a.txt").write_text("another")

    def torn(self: Any, *arguments: object, **options: object) -> None:
        lock.write_bytes(before[:40])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("dvc.dvcfile.ProjectFile.dump_stages", torn)
        with pytest.raises(
            LineageError, match=r"^dvc\.lock: it could not be written to .*dvc\.lock "
        ):
            run(big)
    assert lock.read_bytes() == before
    assert (big.root / ".rsft/recorded").exists(), "what names its objects till then"
    assert run(big)[0] == "reused"
    assert lock.read_bytes() != before
    assert not (big.root / ".rsft/dvc.lock").exists()


def test_a_lock_that_a_killed_run_was_writing_is_put_back(big: Workspace) -> None:
    run(big)
    lock = big.root / "dvc.lock"
    whole = lock.read_bytes()
    (big.root / ".rsft/dvc.lock").write_bytes(whole)
    lock.write_bytes(whole[:40])
    assert run(big)[0] == "reused"
    assert lock.read_bytes() == whole
