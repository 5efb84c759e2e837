"""Replaying runs of a made-up project: two stages, whose code is the tag's own."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from rsft.errors import ConfigurationError, LineageError
from rsft.lineage import Workspace
from rsft.lineage.tagging import write_tag
from rsft.runs.replay import (
    Changed,
    FileDifference,
    StageReplay,
    chosen_stages,
    environment_changes,
    replay_run,
)
from rsft.types import Progress
from tests.runs.replay.project import MADE, RECORDED, held, pin, recorded, store
from tests.workspaces import git


@contextlib.contextmanager
def unseen(name: str) -> Iterator[Progress]:
    yield lambda done, total, note="": None


@contextlib.contextmanager
def interrupted(name: str) -> Iterator[Progress]:
    """Ctrl-C while a stage is at work."""

    def progress(done: int, total: int, note: str = "") -> None:
        raise KeyboardInterrupt

    yield progress


def replay(
    folder: Path,
    *names: str,
    show: Callable[[str], contextlib.AbstractContextManager[Progress]] = unseen,
    restores: bool = False,
) -> dict[str, StageReplay]:
    workspace = Workspace(root=folder, home=folder)
    with tempfile.TemporaryDirectory() as scratch:
        stages = replay_run(
            workspace,
            recorded(folder),
            names or [*RECORDED],
            Path(scratch),
            show,
            restores=restores,
        )
        return {stage.name: stage for stage in stages}


def states(found: dict[str, StageReplay]) -> dict[str, str]:
    return {name: stage.state for name, stage in found.items()}


def test_a_run_that_comes_out_the_same(project: Path) -> None:
    for text in set(MADE.values()):
        held(project, hashlib.md5(text.encode()).hexdigest()).unlink()
    found = replay(project)
    assert states(found) == {"shout@1": "same", "count": "same"}
    (out,) = found["shout@1"].outs
    assert out.path == "data/out"
    assert out.rebuilt == out.recorded == recorded(project).stages["shout@1"].outs["data/out"].hash
    assert found["shout@1"].seconds > 0


def test_what_the_cache_lost_is_put_back_where_it_comes_out_the_same(project: Path) -> None:
    shouts, _, count = (hashlib.md5(text.encode()).hexdigest() for text in MADE.values())
    listing = recorded(project).stages["shout@1"].outs["data/out"].hash
    for name in (shouts, count, listing):
        held(project, name).unlink()
    write_tag(
        project, "purge/1", "HEAD", "Purge", {"kind": "purged", "hashes": [count], "reason": ""}
    )
    found = replay(project, restores=True)
    assert {name: stage.kept for name, stage in found.items()} == {"shout@1": 2, "count": 0}
    assert held(project, shouts).read_text() == "HELLO QUIETLY1"
    assert hashlib.md5(held(project, listing).read_bytes()).hexdigest() == listing[:32]
    assert not held(project, count).exists()
    assert replay(project)["shout@1"].kept == 0


def test_what_was_purged_is_told_as_such(project: Path) -> None:
    md5 = hashlib.md5(b"hello ").hexdigest()
    held(project, md5).unlink()
    write_tag(
        project, "purge/1", "HEAD", "Purge", {"kind": "purged", "hashes": [md5], "reason": ""}
    )
    with pytest.raises(LineageError, match=r"read data/raw as .* was purged, as the tag purge/1"):
        replay(project)


def move_to_remote(project: Path, place: Path) -> None:
    """Has a remote alone hold an object."""
    target = project / "remote/files/md5" / place.parent.name / place.name
    target.parent.mkdir(parents=True)
    place.rename(target)
    config = "[core]\n    remote = r\n['remote \"r\"']\n    url = ../remote\n"
    (project / ".dvc/config").write_text(config)


def test_what_the_remote_has_is_brought(project: Path) -> None:
    move_to_remote(project, held(project, hashlib.md5(b"hello ").hexdigest()))
    assert states(replay(project)) == {"shout@1": "same", "count": "same"}


def test_it_leaves_the_checkout_and_the_temporary_folder_as_they_were(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def state() -> list[str]:
        asked = (["status", "--porcelain", "--ignored"], ["worktree", "list"], ["for-each-ref"])
        return [git(project, *question) for question in asked]

    before = state()
    replay(project)
    assert state() == before
    assert list(scratch.iterdir()) == []


def test_progress_is_passed_on_and_prints_are_not_taken_for_it(project: Path) -> None:
    told = []

    @contextlib.contextmanager
    def show(name: str) -> Iterator[Progress]:
        yield lambda done, total, note="": told.append((name, done, total, note))

    replay(project, show=show)
    assert told == [("shout@1", 1, 2, "half")]


def test_a_stage_that_differs_says_how_and_the_next_starts_from_the_record(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOISE", "!")
    found = replay(project)
    assert states(found) == {"shout@1": "differs", "count": "same"}
    (out,) = found["shout@1"].outs
    assert out.rebuilt != out.recorded
    how = "15 bytes instead of 14, the first that differs at 14"
    assert out.differences == [FileDifference(path="shouts.txt", how=how)]


def test_without_the_record_the_next_starts_from_what_was_rebuilt_and_says_so(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOISE", "!")
    held(project, hashlib.md5(b"HELLO QUIETLY1").hexdigest()).unlink()
    found = replay(project)
    assert states(found) == {"shout@1": "differs", "count": "differs"}
    assert found["count"].on_rebuilt == ["data/out"]
    (out,) = found["shout@1"].outs
    unknown = "how is not known: neither the cache nor the remote has the record"
    assert out.differences == [FileDifference(path="shouts.txt", how=unknown)]
    (count,) = found["count"].outs
    assert count.differences == [FileDifference(path="", how="the value 14 → 15")]


def test_how_a_stage_differs_is_told_by_the_record_in_the_remote(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOISE", "!")
    move_to_remote(project, held(project, hashlib.md5(b"HELLO QUIETLY1").hexdigest()))
    (out,) = replay(project, "shout@1")["shout@1"].outs
    how = "15 bytes instead of 14, the first that differs at 14"
    assert out.differences == [FileDifference(path="shouts.txt", how=how)]


def test_files_that_are_new_or_missing(project: Path) -> None:
    (project / "data" / "out").mkdir(exist_ok=True)
    (project / "data" / "out" / "shouts.txt").write_text("HELLO QUIETLY1")
    (project / "data" / "out" / "other.txt").write_text("")
    store(project, b"")
    (project / "data" / "count.json").write_text("14")
    git(project, "tag", "--delete", "run/demo")
    pin(project)
    (out,) = replay(project)["shout@1"].outs
    assert [(found.path, found.how) for found in out.differences] == [
        ("other.txt", "was not made"),
        ("silence.txt", "was not there"),
    ]


def test_one_stage_alone_starts_from_the_record(project: Path) -> None:
    assert states(replay(project, "count")) == {"count": "same"}


def test_one_stage_alone_needs_the_record(project: Path) -> None:
    held(project, hashlib.md5(b"HELLO QUIETLY1").hexdigest()).unlink()
    message = r"stage 'count' read data/out as [0-9a-f]{32}\.dir, which is neither in the run's tag"
    with pytest.raises(LineageError, match=message):
        replay(project, "count")


def test_a_spoilt_cache_is_not_taken_for_the_record(project: Path) -> None:
    held(project, hashlib.md5(b"HELLO QUIETLY1").hexdigest()).write_bytes(b"HELLO QUIETLY2")
    with pytest.raises(LineageError, match="which is not its name"):
        replay(project, "count")


def test_a_stage_that_makes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISHAP", "nothing")
    found = replay(project)
    assert states(found) == {"shout@1": "differs", "count": "same"}
    (out,) = found["shout@1"].outs
    assert out.rebuilt is None
    assert out.differences == [FileDifference(path="", how="was not made")]


def test_a_stage_that_fails_says_why(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISHAP", "error")
    found = replay(project)
    assert states(found) == {"shout@1": "failed", "count": "same"}
    assert (found["shout@1"].error, found["shout@1"].outs) == ("too loud", [])


def test_outputs_that_the_tag_holds_are_made_anew(project: Path) -> None:
    (project / "data" / "out").mkdir(exist_ok=True)
    for name, text in MADE.items():
        (project / name).write_text(text)
    git(project, "add", "--force", "data/out", "data/count.json")
    git(project, "tag", "--delete", "run/demo")
    pin(project)
    assert states(replay(project)) == {"shout@1": "same", "count": "same"}


def test_a_process_that_ends_is_an_error_with_its_last_words(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISHAP", "crash")
    message = r"stage 'shout@1': .* ended with status 1, saying: ValueError: broken"
    with pytest.raises(LineageError, match=message):
        replay(project)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[str]]:
    """The processes that a test starts, the replay's last; which may take its time to end."""
    found: list[subprocess.Popen[str]] = []
    popen = subprocess.Popen

    def start(*arguments, **named):
        found.append(popen(*arguments, **named))
        return found[-1]

    monkeypatch.setattr("rsft.runs.replay.process.subprocess.Popen", start)
    monkeypatch.setattr("rsft.runs.replay.process._PATIENCE", 60)
    return found


@pytest.mark.parametrize("is_ignored", [False, True])
def test_ctrl_c_interrupts_the_process_and_leaves_nothing(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    started: list[subprocess.Popen[str]],
    is_ignored: bool,
) -> None:
    """Also where it is ignored, as a shell has it for a job in the background."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setenv("MISHAP", "hang")
    before = signal.signal(
        signal.SIGINT, signal.SIG_IGN if is_ignored else signal.default_int_handler
    )
    try:
        with pytest.raises(KeyboardInterrupt):
            replay(project, show=interrupted)
    finally:
        signal.signal(signal.SIGINT, before)
    assert started[-1].returncode not in (0, -signal.SIGKILL)
    assert list(scratch.iterdir()) == []


def test_a_process_that_does_not_end_is_killed(
    project: Path, monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[str]]
) -> None:
    monkeypatch.setattr("rsft.runs.replay.process._PATIENCE", 0.2)
    monkeypatch.setenv("MISHAP", "deaf")
    with pytest.raises(KeyboardInterrupt):
        replay(project, show=interrupted)
    assert started[-1].returncode == -signal.SIGKILL


def test_the_process_ends_by_itself(project: Path, started: list[subprocess.Popen[str]]) -> None:
    replay(project)
    assert started[-1].returncode == 0


def test_two_at_once_do_not_disturb_each_other(project: Path) -> None:
    with ThreadPoolExecutor(2) as both:
        found = [both.submit(replay, project) for _ in range(2)]
    assert [set(states(one.result()).values()) for one in found] == [{"same"}, {"same"}]


def test_the_code_is_the_tags_whatever_became_of_the_checkout(project: Path) -> None:
    (project / "rsft" / "stages" / "shout.py").write_text("raise SystemExit(1)")
    (project / "params.yaml").write_text("loudly\n")
    assert states(replay(project)) == {"shout@1": "same", "count": "same"}


def test_what_the_user_brought_comes_from_the_cache(project: Path) -> None:
    (project / "data" / "raw" / "words.txt").write_text("goodbye ")
    assert states(replay(project)) == {"shout@1": "same", "count": "same"}


def test_without_what_the_user_brought_there_is_no_replay(project: Path) -> None:
    held(project, hashlib.md5(b"hello ").hexdigest()).unlink()
    with pytest.raises(LineageError, match=r"'shout@1' read data/raw as .* nor the remote"):
        replay(project)
    assert states(replay(project, "count")) == {"count": "same"}


def test_a_tag_whose_code_is_not_what_was_recorded(project: Path) -> None:
    run = recorded(project)
    stages = run.manifest["stages"]
    stages["shout@1"]["deps"]["rsft/stages/shout.py"] = "0" * 32
    workspace = Workspace(root=project, home=project)
    with (
        tempfile.TemporaryDirectory() as scratch,
        pytest.raises(LineageError, match=r"read rsft/stages/shout\.py as 0{32}.*`rsft audit`"),
    ):
        list(replay_run(workspace, run, ["shout@1"], Path(scratch), unseen))


def test_a_tag_whose_lock_lacks_a_stage(project: Path) -> None:
    (project / "dvc.lock").write_text("stages:\n  count: {cmd: python -m rsft.stages.count}\n")
    git(project, "tag", "--delete", "run/demo")
    for name, text in MADE.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    pin(project)
    with pytest.raises(LineageError, match=r"run/demo: its dvc\.lock has no stage 'shout@1'"):
        replay(project)


def test_stages_are_chosen_by_name_by_kind_and_by_data_set(project: Path) -> None:
    run = recorded(project)
    assert chosen_stages(run, [], None) == ["shout@1", "count"]
    assert chosen_stages(run, ["count", "shout"], None) == ["shout@1", "count"]
    assert chosen_stages(run, ["shout@1"], "data/count.json") == ["shout@1"]
    assert chosen_stages(run, [], "data/count.json") == ["count"]
    with pytest.raises(ConfigurationError, match=r"--stage whisper: demo has no .* shout@1, count"):
        chosen_stages(run, ["count", "whisper"], None)


def test_what_no_stage_made_is_not_the_same_but_an_error(project: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"data/raw: no stage .* made: .*data/count\.json"):
        chosen_stages(recorded(project), [], "data/raw")


def test_what_differs_in_the_environment_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recorded(project)
    assert environment_changes(run) == []
    numpy = importlib.metadata.version("numpy")
    run.manifest["environment"].update(
        python="3.10.0", packages={"numpy": "0.1", "no-such-package": "2"}, threads=3
    )
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert environment_changes(run) == [
        Changed(what="python", then="3.10.0", now=platform.python_version()),
        Changed(what="numpy", then="0.1", now=numpy),
        Changed(what="no-such-package", then="2", now=None),
        Changed(what="threads", then="3", now="2 cores"),
    ]


def test_a_report_is_json(project: Path) -> None:
    assert json.loads(json.dumps(asdict(replay(project, "count")["count"])))["state"] == "same"
