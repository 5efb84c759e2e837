"""A run's tag: what it holds, and that making it changes nothing else."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from rsft.errors import LineageError, WorkspaceError
from rsft.lineage import (
    OutRecord,
    Snapshot,
    StageRecord,
    Workspace,
    latest_runs,
    read_run,
    read_runs,
    tag_run,
)
from rsft.lineage.git import read_blobs, run_git
from tests.workspaces import git, make_repository

LOCK = """schema: '2.0'
stages:
  prompts:
    cmd: python -m rsft.stages.prompts
    deps:
    - path: constraints.txt
      hash: md5
      md5: c0c0
      size: 9
    params:
      params.yaml:
        seed: 7
    outs:
    - path: data/prompts
      hash: md5
      md5: abcd.dir
      size: 120
      nfiles: 3
  base:
    cmd: python -m rsft.stages.base
    deps:
    - path: data/prompts
      hash: md5
      md5: abcd.dir
      size: 120
      nfiles: 3
    outs:
    - path: data/base/evaluation.json
      hash: md5
      md5: e4e4
      size: 30
"""
MANIFEST = {
    "changed": ["rsft/ü.py"],
    "stages": {
        "prompts": {
            "deps": {"constraints.txt": "c0c0", "params.yaml:seed": "7"},
            "outs": {"data/prompts": {"hash": "abcd.dir", "size": 120, "files": 3}},
        },
        "base": {
            "deps": {"data/prompts": "abcd.dir"},
            "outs": {"data/base/evaluation.json": {"hash": "e4e4", "size": 30, "files": 1}},
        },
    },
}

SIGNING = {"tag.gpgSign": "true", "gpg.format": "ssh"}


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    files = {"params.yaml": "seed: 1\n", "rsft/code.py": "old\n", "rsft/gone.py": ""}
    for name, text in (files | {"notes": "1\n", ".gitignore": "*.log\n"}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return make_repository(folder, "ann")


@pytest.fixture
def checkout(template: Path, tmp_path: Path) -> Path:
    """A checkout after a run: edits and stray files, and a lock that git does not track."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    (tmp_path / "params.yaml").write_text("seed: 7\n")
    (tmp_path / "rsft" / "gone.py").unlink()
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "password.txt").write_text("secret")
    (tmp_path / "rsft" / "password.txt").write_text("secret")
    return tmp_path


def workspace(folder: Path) -> Workspace:
    return Workspace(root=folder, home=folder)


def pin(folder: Path) -> Snapshot:
    return tag_run(workspace(folder), "20260101-demo", MANIFEST)


def files_of(folder: Path, commit: str) -> set[str]:
    return set(git(folder, "ls-tree", "-r", "--name-only", commit).splitlines())


def test_the_tag_is_annotated_and_points_at_the_commit(checkout: Path) -> None:
    snapshot = pin(checkout)
    assert snapshot.tag == "run/20260101-demo"
    assert git(checkout, "cat-file", "-t", f"refs/tags/{snapshot.tag}") == "tag"
    assert git(checkout, "rev-parse", f"{snapshot.tag}^{{commit}}") == snapshot.commit
    assert git(checkout, "rev-parse", f"{snapshot.tag}~1") == git(checkout, "rev-parse", "main")


def test_it_holds_edits_and_the_lock_and_no_stray_file(checkout: Path) -> None:
    snapshot = pin(checkout)
    tracked = {".gitignore", "params.yaml", "rsft/code.py", "notes"}
    assert files_of(checkout, snapshot.commit) == tracked | {"dvc.lock", ".rsft/manifest.json"}
    assert git(checkout, "show", f"{snapshot.commit}:params.yaml") == "seed: 7"
    lock = git(checkout, "show", f"{snapshot.commit}:dvc.lock") + "\n"
    assert lock == LOCK
    assert snapshot.lock_sha256 == hashlib.sha256(LOCK.encode()).hexdigest()


def test_what_differs_from_the_commit_is_marked(checkout: Path) -> None:
    (checkout / "rsft" / "new.py").write_text("")
    (checkout / "notes").write_text("2\n")
    record = read_run(workspace(checkout), pin(checkout).tag)
    assert record.manifest["head"] == git(checkout, "rev-parse", "main")
    assert record.manifest["edited"] == ["notes", "params.yaml", "rsft/gone.py", "rsft/new.py"]


def test_what_changed_is_asked_when_the_files_are_in_the_tree(checkout: Path) -> None:
    """Else an edit between would be in the tree, and unmarked."""
    code = checkout / "rsft" / "code.py"

    def changed() -> list[str]:
        before = code.read_text()
        code.write_text("edited since\n")
        return [] if before == "old\n" else ["rsft/code.py"]

    snapshot = tag_run(workspace(checkout), "20260101-demo", {"stages": {}}, changed=changed)
    assert git(checkout, "show", f"{snapshot.commit}:rsft/code.py") == "old"
    code.write_text("edited before\n")
    second = tag_run(workspace(checkout), "20260102-demo", {"stages": {}}, changed=changed)
    assert read_run(workspace(checkout), second.tag).manifest["changed"] == ["rsft/code.py"]


def test_a_name_that_is_no_text_is_marked_too(checkout: Path) -> None:
    """File names are bytes."""
    (checkout / os.fsdecode(b"\xff.txt")).write_text("")
    git(checkout, "add", "--all", ":(glob)*.txt")
    record = read_run(workspace(checkout), pin(checkout).tag)
    assert os.fsdecode(b"\xff.txt") in record.manifest["edited"]


def test_it_holds_the_lock_though_git_ignores_it(checkout: Path) -> None:
    (checkout / ".git" / "info" / "exclude").write_text("dvc.lock\n")
    assert "dvc.lock" in files_of(checkout, pin(checkout).commit)


def test_it_holds_files_that_are_added_but_not_committed(checkout: Path) -> None:
    (checkout / "rsft" / "new.py").write_text("added\n")
    git(checkout, "add", "rsft/new.py")
    (checkout / "rsft" / "new.py").write_text("added, then edited\n")
    snapshot = pin(checkout)
    assert git(checkout, "show", f"{snapshot.commit}:rsft/new.py") == "added, then edited"


def test_it_holds_new_modules_that_git_does_not_know_yet(checkout: Path) -> None:
    """They are code that ran."""
    code = {"rsft/new.py", "rsft/a/b.py", "rsft/a/b.json", "flows/new.py"}
    declared = code | {"data/raw/x.csv.dvc", "dvc.yaml", "mlflow/policy.yaml"}
    for name in (*declared, "scratch.py", "rsft/x.log", "data/raw/x.csv", "data/key.json"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("")
    added = files_of(checkout, pin(checkout).commit) - files_of(checkout, "main")
    assert added == declared | {"dvc.lock", ".rsft/manifest.json"}


def test_it_holds_files_that_a_stage_depends_on_and_none_makes(checkout: Path) -> None:
    names = ("lists/banned.txt", "lists/other.txt", "data/prompts/train.parquet")
    for name in names:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("")
    stage = {"deps": {names[0]: "a", names[2]: "b", "lists": "c.dir"}, "outs": {}}
    stages = {"prompts": {"deps": {}, "outs": {"data/prompts": {}}}, "base": stage}
    commit = tag_run(workspace(checkout), "20260101-demo", {"stages": stages}).commit
    added = files_of(checkout, commit) - files_of(checkout, "main")
    assert added == {"lists/banned.txt", "dvc.lock", ".rsft/manifest.json"}


def test_it_points_at_what_the_user_brought(checkout: Path) -> None:
    out = OutRecord(hash="ab.dir", size=7, files=2)
    commit = tag_run(workspace(checkout), "20260101-demo", {}, {"data/raw": out}).commit
    pointer = YAML(typ="safe").load(git(checkout, "show", f"{commit}:data/inputs.dvc"))
    kept = {"md5": "ab.dir", "hash": "md5", "size": 7, "nfiles": 2, "path": "inputs/data/raw"}
    assert pointer == {"outs": [kept]}
    assert not (checkout / "data" / "inputs.dvc").exists()


def test_no_hook_of_the_user_runs(checkout: Path) -> None:
    for name in ("pre-commit", "post-index-change", "reference-transaction"):
        hook = checkout / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {checkout}/ran-{name}\n")
        hook.chmod(0o755)
    pin(checkout)
    assert list(checkout.glob("ran-*")) == []


def test_it_is_signed_where_git_signs(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    key = tmp_path_factory.mktemp("key") / "key"
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(made, check=True, stdin=subprocess.DEVNULL)
    for name, value in SIGNING.items():
        git(checkout, "config", name, value)
    git(checkout, "config", "user.signingKey", str(key))
    tag = pin(checkout).tag
    assert "-----BEGIN SSH SIGNATURE-----" in git(checkout, "cat-file", "tag", tag)
    assert read_run(workspace(checkout), tag).manifest["changed"] == ["rsft/ü.py"]


def test_without_a_key_to_sign_with_the_error_says_what_to_do(checkout: Path) -> None:
    for name, value in SIGNING.items():
        git(checkout, "config", name, value)
    git(checkout, "config", "user.signingKey", str(checkout / "none"))
    with pytest.raises(WorkspaceError, match=r"name one that is there, or `git config"):
        pin(checkout)
    assert git(checkout, "tag", "--list") == ""


def test_a_key_that_asks_for_ever_is_not_waited_for(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = checkout / "slow"
    slow.write_text("#!/bin/sh\nsleep 600\n")
    slow.chmod(0o755)
    for name, value in SIGNING.items():
        git(checkout, "config", name, value)
    git(checkout, "config", "gpg.ssh.program", str(slow))
    git(checkout, "config", "user.signingKey", str(checkout / "none"))
    monkeypatch.setattr("rsft.lineage.tagging._PATIENCE", 0.3)
    with pytest.raises(WorkspaceError, match=r"did not end within 0\.3 s; git is set to sign"):
        pin(checkout)


def test_branch_index_and_files_stay_as_they_are(checkout: Path) -> None:
    (checkout / "notes").write_text("staged\n")
    git(checkout, "add", "notes")
    (checkout / "notes").write_text("edited since\n")

    def state() -> list[str]:
        asked = (["rev-parse", "HEAD"], ["symbolic-ref", "HEAD"], ["diff", "--cached"], ["diff"],
                 ["status", "--porcelain"], ["stash", "list"], ["branch", "--list"])  # fmt: skip
        return [git(checkout, *question) for question in asked]

    before = state()
    files = {file: file.read_bytes() for file in checkout.glob("[!.]*") if file.is_file()}
    pin(checkout)
    assert state() == before
    assert all(file.read_bytes() == content for file, content in files.items())


def test_it_works_on_a_detached_head(checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "--detach")
    assert "dvc.lock" in files_of(checkout, pin(checkout).commit)


def test_it_works_in_a_linked_worktree(checkout: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    git(checkout, "worktree", "add", "--quiet", "--detach", str(tree))
    (tree / "dvc.lock").write_text(LOCK)
    (tree / "notes").write_text("of the worktree\n")
    snapshot = tag_run(Workspace(root=tree, home=checkout), "20260101-tree", {"stages": {}})
    assert git(checkout, "show", f"{snapshot.commit}:notes") == "of the worktree"
    assert read_run(workspace(checkout), snapshot.tag).commit == snapshot.commit


def test_the_tagger_is_whom_git_knows(checkout: Path) -> None:
    pin(checkout)
    tagger = git(checkout, "for-each-ref", "--format=%(taggeremail)", "refs/tags/run")
    assert tagger == "<ann@example.org>"


@pytest.mark.parametrize("role", [None, "AUTHOR", "COMMITTER"])
def test_it_works_where_git_does_not_know_who_is_at_work(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, role: str | None
) -> None:
    git(checkout, "config", "--remove-section", "user")
    git(checkout, "config", "user.useConfigOnly", "true")
    for known in ("AUTHOR", "COMMITTER"):
        for what in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{known}_{what}", raising=False)
    monkeypatch.delenv("EMAIL", raising=False)
    if role is not None:
        monkeypatch.setenv(f"GIT_{role}_NAME", "Half")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "half@example.org")
    pin(checkout)
    tagger = git(checkout, "for-each-ref", "--format=%(taggername)", "refs/tags/run")
    assert tagger == "rsft"


def test_before_the_first_commit_the_error_says_to_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "dvc.lock").write_text(LOCK)
    with pytest.raises(WorkspaceError, match="no commit yet; commit the project"):
        pin(tmp_path)


def test_without_a_lock_there_is_nothing_to_pin(checkout: Path) -> None:
    (checkout / "dvc.lock").unlink()
    with pytest.raises(WorkspaceError, match=r"no dvc\.lock to pin; run the stages first"):
        pin(checkout)


def test_a_run_is_not_tagged_twice(checkout: Path) -> None:
    first = pin(checkout)
    with pytest.raises(WorkspaceError, match=r"run/20260101-demo.* already exists"):
        pin(checkout)
    assert git(checkout, "rev-parse", f"{first.tag}^{{commit}}") == first.commit


def test_reading_gives_back_what_was_pinned(checkout: Path) -> None:
    snapshot = pin(checkout)
    record = read_run(workspace(checkout), snapshot.tag)
    assert (record.tag, record.commit) == (snapshot.tag, snapshot.commit)
    added = {"head": git(checkout, "rev-parse", "main"), "edited": ["params.yaml", "rsft/gone.py"]}
    assert record.manifest == MANIFEST | added
    assert record.tagged_at[:2] == "20"
    assert list(record.stages) == ["prompts", "base"]
    assert record.stages["prompts"] == StageRecord(
        deps={"constraints.txt": "c0c0", "params.yaml:seed": "7"},
        outs={"data/prompts": OutRecord(hash="abcd.dir", size=120, files=3)},
    )
    assert record.stages["base"].outs == {
        "data/base/evaluation.json": OutRecord(hash="e4e4", size=30, files=1)
    }


def test_manifests_are_read_once_and_tags_each_time(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(checkout)
    asked: list[str] = []

    def read(folder: Path, names: list[str]) -> list[bytes | None]:
        asked.extend(names)
        return read_blobs(folder, names)

    monkeypatch.setattr("rsft.lineage.runs.read_blobs", read)
    first = read_runs(workspace(checkout))
    second = tag_run(workspace(checkout), "20260102-demo", {"stages": {}})
    assert [*first, read_run(workspace(checkout), second.tag)] == read_runs(workspace(checkout))
    assert len(asked) == 3  # one of them by name
    git(checkout, "tag", "--delete", second.tag)
    git(checkout, "tag", "--force", "-a", "-m", "Moved", "run/20260101-demo", second.commit)
    assert [run.commit for run in read_runs(workspace(checkout))] == [second.commit]


def test_tags_of_others_whatever_they_are_called_and_dated_stop_nobody(checkout: Path) -> None:
    """Git lets a name and an ident hold what ends a line elsewhere, and any number be a date."""
    commit = pin(checkout).commit
    for tag, variables in (
        ("run/20260102\u2028\x85", {}),
        ("run/20260103", {"GIT_COMMITTER_NAME": "Eve\x0b\x1cil", "GIT_COMMITTER_EMAIL": "x"}),
        ("run/20260104", {"GIT_COMMITTER_DATE": "@253402400000 +0000"}),  # in the year 10000
        ("run/20260105", {"GIT_COMMITTER_DATE": "@99999999999999999 +0000"}),
    ):
        run_git(checkout, "tag", "--annotate", "--message=x", tag, commit, environment=variables)
    assert len(read_runs(workspace(checkout))) == 5
    last = tag_run(workspace(checkout), "20260106-demo", MANIFEST)
    git(checkout, "tag", "--delete", "run/20260105")  # git calls it the latest, and dates it 1970
    assert next(latest_runs(workspace(checkout), "")).tag == last.tag


def test_reading_does_not_look_at_the_files_of_today(checkout: Path) -> None:
    snapshot = pin(checkout)
    (checkout / ".rsft").mkdir()
    (checkout / ".rsft" / "manifest.json").write_text('{"stages": {}}')
    assert list(read_run(workspace(checkout), snapshot.tag).stages) == ["prompts", "base"]


@pytest.mark.parametrize(
    "tag", ["run/none", "run", "run/*", "", "v1", "run/lightweight", "run/foreign"]
)
def test_what_is_no_run_of_this_checkout_is_an_error(checkout: Path, tag: str) -> None:
    pin(checkout)
    git(checkout, "tag", "--annotate", "v1", "-m", "A release, and no JSON")
    git(checkout, "tag", "run/lightweight", "run/20260101-demo^{commit}")
    git(checkout, "tag", "--annotate", "run/foreign", "-m", "Without a manifest", "main")
    with pytest.raises(LineageError, match="is no run of this checkout"):
        read_run(workspace(checkout), tag)
