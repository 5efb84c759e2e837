"""What nothing names is freed, and nothing else: runs, the record, versions, checkouts name."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from dvc.lock import LockError
from fsspec.implementations.memory import MemoryFileSystem
from typer.testing import CliRunner

from rsft.cli.app import app
from rsft.errors import LineageError, WorkspaceError
from rsft.lineage import Pipeline, Workspace, md5_of, tag_run
from rsft.lineage.repository import open_repository
from rsft.lineage.stores import RemoteStore
from rsft.runs.gc import Unused, find_unused, hold_everything
from tests.audit.conftest import STAGES, Audited
from tests.workspaces import git

CACHE = Path(".dvc/cache/files/md5")


@pytest.fixture(autouse=True)
def tags(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Values of the tags of versions in MLflow, whose part nothing plays here."""
    told: set[str] = set()
    monkeypatch.setattr("rsft.runs.gc.version_tags", lambda registry: told)
    monkeypatch.setattr("rsft.runs.gc.find_leftovers", lambda registry, root: [])
    return told


def unused(audited: Audited, *, remote: bool = False) -> dict[str, Unused]:
    found = find_unused(audited.workspace, None, with_remote=remote)  # type: ignore[arg-type]
    return {each.kind: each for each in found}


def objects(folder: Path = CACHE) -> set[str]:
    return {"".join(f.parts[-2:]) for f in folder.glob("??/*")}


def add(content: bytes, folder: Path = CACHE) -> str:
    """An object that nothing names."""
    md5 = md5_of(content)
    (folder / md5[:2]).mkdir(exist_ok=True)
    (folder / md5[:2] / md5[2:]).write_bytes(content)
    return md5


def rerun(folder: Path, seed: int = 8) -> Pipeline:
    """Other settings, and another table for the outputs: a run that ends without a tag."""
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(re.sub("seed: .", f"seed: {seed}", params))
    pipeline = Pipeline(Workspace(root=folder, home=folder))

    def prompts() -> None:
        (folder / "data/prompts").mkdir()
        (folder / "data/prompts/train.parquet").write_bytes(b"1" * seed)

    pipeline.run("prompts", prompts)
    return pipeline


def test_after_a_run_all_is_named(audited: Audited) -> None:
    assert unused(audited, remote=True) == {}


def test_what_a_later_run_overwrote_goes_and_the_tagged_one_stays_whole(audited: Audited) -> None:
    before, lock = objects(), (audited.root / "dvc.lock").read_bytes()
    rerun(audited.root).write_lock()
    new = objects() - before
    assert len(new) == 2  # a folder's list, and its file
    assert unused(audited) == {}, "the checkout's present lock names it"
    (audited.root / "dvc.lock").write_bytes(lock)
    git(audited.root, "checkout", "params.yaml")
    shutil.rmtree("data/prompts")
    found = unused(audited)
    assert set(found) == {"cache", "run-cache"}
    assert set(found["cache"].sizes) == new
    assert sum(found["cache"].sizes.values()) == sum(
        (CACHE / o[:2] / o[2:]).stat().st_size for o in new
    )
    (entry,) = found["run-cache"].sizes
    for each in found.values():
        each.free()
    assert objects() == before
    assert not Path(entry).exists()
    assert unused(audited) == {}
    report = audited.all(with_checkout=False)
    assert report.findings == []
    with Pipeline(audited.workspace) as pipeline:
        assert {pipeline.run(name, fail).state for name in STAGES} == {"reused"}
    rerun(audited.root).write_lock()  # what was freed is made again
    assert objects() == before | new


def fail() -> None:
    raise AssertionError("it is in the cache")


def test_what_a_killed_run_had_finished_stays_until_the_next_ends(audited: Audited) -> None:
    before = objects()
    rerun(audited.root)  # and is not heard of again
    new = objects() - before
    assert (audited.root / ".rsft/recorded").exists()
    assert unused(audited) == {}
    rerun(audited.root, seed=9).write_lock()
    assert not (audited.root / ".rsft/recorded").exists()
    assert set(unused(audited)["cache"].sizes) == new


def test_a_run_that_ends_by_reusing_all_lets_go_of_what_a_killed_one_made(
    audited: Audited,
) -> None:
    before = objects()
    rerun(audited.root)
    tag_run(audited.workspace, "20260102-next", {"run_id": "20260102-next", "stages": {}})
    assert set(unused(audited)["cache"].sizes) == objects() - before


def test_another_checkout_s_lock_names_and_its_run_keeps_all_waiting(
    audited: Audited, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    git(audited.root, "worktree", "add", "--quiet", "--detach", str(tree))
    orphan = add(b"orphan")
    assert set(unused(audited)["cache"].sizes) == {orphan}
    (tree / "dvc.lock").write_text(
        f"stages:\n  a:\n    outs:\n    - path: x\n      md5: {orphan}\n"
    )
    assert unused(audited) == {}
    (tree / "dvc.lock").unlink()
    (tree / "x.dvc").write_text(f'{{"outs": [{{"md5": "{orphan}", "path": "x"}}]}}')
    assert unused(audited) == {}
    with (
        Workspace(root=tree, home=audited.root).hold("20260103-busy"),
        pytest.raises(WorkspaceError, match=r"tree is held by run 20260103-busy"),
        hold_everything(audited.workspace),
    ):
        pass


def test_what_dvc_adds_meanwhile_is_not_taken_for_unused(audited: Audited, tmp_path: Path) -> None:
    """`dvc add` writes the pointer once all that it names is in the cache, and not before."""
    tree = tmp_path / "tree"
    git(audited.root, "worktree", "add", "--quiet", "--detach", str(tree))
    shutil.copytree(audited.root / ".dvc", tree / ".dvc", ignore=shutil.ignore_patterns("cache"))
    with (
        open_repository(Workspace(root=tree, home=audited.root)) as repo,
        repo.lock,
        pytest.raises(WorkspaceError, match=r"a DVC command is at work in .*tree; let it end"),
        hold_everything(audited.workspace),
    ):
        pass
    with hold_everything(audited.workspace):
        assert unused(audited, remote=True) == {}
        with open_repository(audited.workspace) as repo, pytest.raises(LockError):
            repo.add("params.yaml")


def test_a_record_and_a_version_name_what_no_run_does(audited: Audited, tags: set[str]) -> None:
    git(audited.root, "tag", "--delete", "run/20260101-demo")
    (audited.root / "dvc.lock").unlink()
    assert unused(audited) == {}, "demo@v1.0.0 points at the run's commit"
    git(audited.root, "tag", "--delete", "demo@v1.0.0", "demo#champion#1")
    freed = set(unused(audited)["cache"].sizes)
    assert freed == objects()
    model = next(
        o
        for o in freed
        if o.endswith(".dir") and b"safetensors" in (CACHE / o[:2] / o[2:]).read_bytes()
    )
    tags |= {model, "no hash", "run/20260101-demo"}
    assert len(freed - set(unused(audited)["cache"].sizes)) == 3  # the list and two files


def test_nothing_behind_a_link_is_touched(audited: Audited, tmp_path: Path) -> None:
    far = tmp_path / "far"
    far.mkdir()
    (far / ("0" * 30)).write_bytes(b"theirs")
    (CACHE / "ee").symlink_to(far)
    linked = CACHE / "ef" / ("1" * 30)
    linked.parent.mkdir(exist_ok=True)
    linked.symlink_to(far / ("0" * 30))
    (audited.root / ".dvc/cache/runs/ee").symlink_to(far)
    (audited.root / ".rsft/ledger").mkdir()
    (audited.root / ".rsft/ledger/plan").symlink_to(far)
    (far / ".x.tmp").touch()
    assert unused(audited) == {}


def test_the_remote_goes_only_where_asked(audited: Audited) -> None:
    store = audited.root / "remote/files/md5"
    orphan, before = add(b"orphan", store), objects(store)
    assert unused(audited) == {}
    (found,) = unused(audited, remote=True).values()
    assert (found.kind, dict(found.sizes)) == ("remote 'store'", {orphan: 6})
    found.free()
    assert objects(store) == before - {orphan}


def test_a_bucket_is_freed_through_dvc_s_own_file_system() -> None:
    memory = MemoryFileSystem()
    memory.store.clear()
    files = SimpleNamespace(fs=memory, remove=memory.rm)
    place = "/bucket/files/md5/{}/{}".format
    database = SimpleNamespace(
        path="/bucket/files/md5", fs=files, oid_to_path=lambda o: place(o[:2], o[2:])
    )
    store = RemoteStore(name="remote 'far'", database=database)
    names = ["ab" + "0" * 30, "ab" + "1" * 30 + ".dir"]
    for name in names:
        memory.pipe(store.place(name), b"orphan")
    memory.pipe("/bucket/files/md5/readme", b"none of ours")
    assert store.objects() == dict.fromkeys(names, 6)
    store.remove([names[1], "cd" + "0" * 30])
    assert store.objects() == {names[0]: 6}
    with pytest.raises(LineageError, match=r"^the remote 'far' cannot be listed \("):
        RemoteStore(name="remote 'far'", database=None).objects()
    memory.store.clear()


def test_where_it_is_not_known_what_a_run_has_nothing_is_freed(audited: Audited) -> None:
    for store in ("cache", "remote"):
        audited.object("data/rounds/1/model", store).unlink()
    with pytest.raises(
        LineageError, match=r"^run/20260101-demo: the list of the files in data/rou"
    ):
        unused(audited)


def test_a_cache_that_others_may_use_is_let_be(audited: Audited, tmp_path: Path) -> None:
    config = audited.root / ".dvc/config.local"
    config.write_text(config.read_text() + f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    with pytest.raises(
        LineageError, match=r"shared/files/md5 lies outside of .*, where others may"
    ):
        unused(audited)


def test_files_of_ended_runs_go_and_those_of_failed_ones_stay(audited: Audited) -> None:
    audited.edit_manifest(lambda manifest: manifest.update(began_at="2026-01-01T00:00:00+00:00"))
    private = audited.root / ".rsft"
    for name, year in (("ledger/old", 2025), ("ledger/new", 2027), ("logs/a.log", 2025)):
        (private / name).parent.mkdir(parents=True, exist_ok=True)
        file = private / name / "part" if "ledger" in name else private / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"12345")
        when = time.mktime((year, 1, 1, 0, 0, 0, 0, 0, 0))
        os.utime(file, (when, when))
    (private / "logs/new.log").touch()
    (private / "ledger/new/.x.tmp").write_bytes(b"1")
    found = {kind: dict(each.sizes) for kind, each in unused(audited).items()}
    assert found == {
        "work of runs that ended": {str(private / "ledger/old"): 5},
        "old logs": {str(private / "logs/a.log"): 5},
        "temporary files": {str(private / "ledger/new/.x.tmp"): 1},
    }
    for each in unused(audited).values():
        each.free()
    assert unused(audited) == {}
    assert (private / "ledger/new/part").exists()


def test_work_since_a_run_whose_clock_was_ahead_stays(audited: Audited) -> None:
    audited.edit_manifest(lambda manifest: manifest.update(began_at="2090-01-01T00:00:00+00:00"))
    part = audited.root / ".rsft/ledger/new/part"
    part.parent.mkdir(parents=True)
    part.touch()
    assert unused(audited) == {}


def test_worktrees_go_once_nothing_is_under_way_in_them(audited: Audited) -> None:
    trees = audited.root / ".rsft/worktrees"
    for name in ("done", "failed", "edited", "young", "busy"):
        git(audited.root, "worktree", "add", "--quiet", "--detach", str(trees / name))
    (trees / "gone").mkdir()
    (trees / "failed/.rsft/ledger/plan").mkdir(parents=True)
    (trees / "failed/.rsft/ledger/plan/part").touch()
    (trees / "edited/params.yaml").write_text("seed: 9\n")
    for tree in trees.iterdir():
        os.utime(tree, (0, 0))
        if tree.name not in ("young", "gone"):
            os.utime(tree / ".git", (0, 0))
    os.chdir(trees / "busy")
    assert set(unused(audited)["scratch worktrees"].sizes) == {
        str(trees / "done"),
        str(trees / "gone"),
    }
    os.chdir(audited.root)
    unused(audited)["scratch worktrees"].free()
    assert {tree.name for tree in trees.iterdir()} == {"failed", "edited", "young"}
    assert "busy" not in git(audited.root, "worktree", "list")


def test_the_command_shows_asks_and_frees(
    audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = type("Settings", (), {"register_": type("Section", (), {"tracking_uri": None})})
    opened = (audited.workspace, settings)
    monkeypatch.setattr("rsft.cli.gc.workspace_and_config", lambda: opened)
    monkeypatch.setattr("rsft.registry.Registry.open", lambda *_: None)
    orphan = add(b"orphan")
    shown = f"  {'cache:':<26}{1:>9}  {'6 B':>9}\n"
    call = CliRunner().invoke
    assert call(app, ["gc", "--dry"]).output == shown
    refused = call(app, ["gc"], input="n\n")
    assert (refused.exit_code, refused.output) == (1, f"{shown}free 6 B for good? [y/N]: n\n")
    assert orphan in objects()
    assert call(app, ["gc", "--yes"]).output == f"{shown}freed 6 B\n"
    assert orphan not in objects()
    assert call(app, ["gc", "--yes"]).output == "everything here is named by something\n"
