"""Stages run in process, on a DVC repository of two small scripts."""

import hashlib
import io
import os
import runpy
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from rsft.errors import LineageError, WorkspaceError
from rsft.lineage import Cache, Pipeline, StageRun, Workspace

FILES = {
    "dvc.yaml": """
stages:
  shout:
    cmd: python rsft/shout.py
    deps: [words.txt, rsft/shout.py]
    params: [shout]
    outs: [out/shouts]
  count:
    cmd: python rsft/count.py
    deps: [out/shouts, rsft/count.py]
    outs: [out/count.txt]
""",
    "params.yaml": "shout: {copies: 2}\nother: 1\n",
    "words.txt": "one two",
    "rsft/shout.py": """
from pathlib import Path
import re
copies = int(re.search(r"copies: (\\d+)", Path("params.yaml").read_text())[1])
Path("out/shouts").mkdir(parents=True, exist_ok=True)
for copy in range(copies):
    Path(f"out/shouts/{copy}.txt").write_text(Path("words.txt").read_text().upper())
""",
    "rsft/count.py": """
from pathlib import Path
Path("out/count.txt").write_text(str(len(list(Path("out/shouts").iterdir()))))
""",
}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dvc.repo import Repo

    folder = tmp_path_factory.mktemp("template")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    Repo.init(str(folder), no_scm=True).close()
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def open_pipeline() -> Pipeline:
    return Pipeline(Workspace(root=Path.cwd(), home=Path.cwd()))


def script(name: str) -> Callable[[], None]:
    """The function of a stage: what its command runs, without the process."""
    return lambda: runpy.run_path(f"rsft/{name}.py") and None


def never() -> None:
    pytest.fail("the stage ran, though its outputs were to be reused")


def run(name: str, function: Callable[[], None] | None = None) -> StageRun:
    """Runs a stage in a pipeline of its own, as another process would."""
    with open_pipeline() as pipeline:
        return pipeline.run(name, function or script(name))


def recorded() -> Any:
    """The stages of ``dvc.lock``, without the order in which they came there."""
    return YAML(typ="safe").load(Path("dvc.lock"))["stages"]


def shouts() -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(Path("out/shouts").iterdir())}


def dvc(*arguments: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        env=os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_stage_runs_and_is_recorded(project: Path) -> None:
    done = run("shout")
    assert (done.name, done.state) == ("shout", "ran")
    (out,) = recorded()["shout"]["outs"]
    record = done.outs["out/shouts"]
    assert (record.hash, record.size, record.files) == (out["md5"], out["size"], out["nfiles"])
    assert (record.size, record.files) == (14, 2)
    hashes = {dep["path"]: dep["md5"] for dep in recorded()["shout"]["deps"]}
    assert done.deps == hashes | {"params.yaml:shout": "{'copies': 2}"}


def test_nothing_is_printed_on_a_terminal(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC has bars of its own, which would write across the display's."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, terminal)
    run("shout")
    shutil.rmtree("out")
    run("shout", never)
    assert terminal.getvalue() == ""


def test_a_stage_that_did_not_change_is_reused(project: Path) -> None:
    pipeline = open_pipeline()
    ran = pipeline.run("shout", script("shout"))
    for opened in (pipeline, open_pipeline()):
        reused = opened.run("shout", never)
        assert (reused.state, reused.deps, reused.outs) == ("reused", ran.deps, ran.outs)


def test_the_lock_and_the_run_cache_are_those_of_dvc_repro(project: Path, template: Path) -> None:
    for name in ("shout", "count"):
        run(name)
    ours, our_cache = recorded(), sorted(Path(".dvc/cache/runs").rglob("*"))
    shutil.rmtree(project / ".dvc/cache")
    shutil.rmtree(project / "out")
    (project / "dvc.lock").unlink()
    dvc("repro")
    assert recorded() == ours
    assert sorted(Path(".dvc/cache/runs").rglob("*")) == our_cache


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning:pygtrie")
def test_dvc_finds_nothing_to_do_after_a_run(project: Path) -> None:
    from dvc.repo import Repo

    with open_pipeline() as pipeline:
        for name in ("shout", "count"):
            pipeline.run(name, script(name))
    with Repo() as repo:
        assert repo.status() == {}


def test_an_output_that_was_deleted_comes_back_from_the_cache(project: Path) -> None:
    ran = run("shout")
    before = shouts()
    shutil.rmtree("out")
    reused = run("shout", never)
    assert (reused.state, reused.outs) == ("reused", ran.outs)
    assert shouts() == before


def test_without_a_lock_the_run_cache_knows_the_result(project: Path) -> None:
    run("shout")
    before = recorded()
    shutil.rmtree("out")
    Path("dvc.lock").unlink()
    assert run("shout", never).state == "reused"
    assert recorded() == before


def test_a_run_that_fails_records_what_it_had_finished(project: Path) -> None:
    pipeline = open_pipeline()
    pipeline.run("shout", script("shout"))
    assert not Path("dvc.lock").exists()
    with pytest.raises(RuntimeError, match="killed"), pipeline:
        raises()
    assert list(recorded()) == ["shout"]


def test_what_a_killed_run_left_gives_way_to_the_cached_output(project: Path) -> None:
    run("shout")
    before = shouts()
    Path("out/shouts/0.txt").write_text("half a fi")
    Path("out/shouts/stray.txt").write_text("?")
    assert run("shout", never).state == "reused"
    assert shouts() == before


@pytest.mark.parametrize("left", ["", '{"write": {"out/', "\0" * 8])
def test_a_process_that_was_killed_while_dvc_wrote_its_locks_stops_nobody(
    project: Path, left: str
) -> None:
    run("shout")
    (project / ".dvc" / "tmp" / "rwlock").write_text(left)
    (project / "words.txt").write_text("three")
    assert run("shout").state == "ran"


def test_a_change_of_settings_runs_the_stage_again(project: Path) -> None:
    run("shout")
    Path("params.yaml").write_text("shout: {copies: 3}\nother: 1\n")
    assert run("shout").state == "ran"
    assert recorded()["shout"]["params"] == {"params.yaml": {"shout": {"copies": 3}}}


def test_settings_of_others_do_not_run_a_stage_again(project: Path) -> None:
    run("shout")
    Path("params.yaml").write_text("shout: {copies: 2}\nother: 2\n")
    assert run("shout", never).state == "reused"


def test_old_outputs_are_gone_before_a_stage_runs(project: Path) -> None:
    run("shout")
    Path("params.yaml").write_text("shout: {copies: 1}\nother: 1\n")
    assert run("shout").outs["out/shouts"].files == 1
    assert list(shouts()) == ["0.txt"]


def edits_words() -> None:
    script("shout")()
    Path("words.txt").write_text("three")


def raises() -> None:
    script("shout")()
    raise RuntimeError("killed")


def test_a_dependency_edited_while_a_stage_runs_is_an_error(project: Path) -> None:
    with pytest.raises(LineageError, match=r"stage 'shout': words\.txt changed while it ran"):
        run("shout", edits_words)
    assert not Path("dvc.lock").exists()


def test_the_run_cache_does_not_hand_on_what_was_made_from_an_edited_file(project: Path) -> None:
    run("shout")  # so that the cache holds what the next one makes, word for word
    with Path("rsft/shout.py").open("a") as file:
        file.write("# edited")
    with pytest.raises(LineageError):
        run("shout", edits_words)
    assert run("shout").state == "ran"
    assert shouts()["0.txt"] == "THREE"


def test_a_dependency_edited_while_outputs_come_back_is_an_error(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("shout")
    before = Path("dvc.lock").read_text()
    shutil.rmtree("out")
    pipeline = open_pipeline()
    cache = pipeline._repo.stage_cache
    restore = cache.restore
    monkeypatch.setattr(cache, "restore", lambda stage: (restore(stage), edits_words()))
    with pytest.raises(LineageError, match=r"words\.txt changed"):
        pipeline.run("shout", never)
    assert Path("dvc.lock").read_text() == before
    assert run("shout").state == "ran"


@pytest.mark.parametrize("path", ["params.yaml", "rsft/shout.py"])
def test_what_was_edited_since_the_start_is_not_recorded_as_what_ran(
    project: Path, path: str
) -> None:
    pipeline = open_pipeline()  # settings are read and modules imported about now
    Path(path).write_text(Path(path).read_text().replace("copies: 2", "copies: 3") + "#")
    with pytest.raises(LineageError, match=rf"'shout': {path} changed since the run began"):
        pipeline.run("shout", never)
    assert not Path("dvc.lock").exists()


def test_an_edit_that_a_stage_does_not_depend_on_does_not_stop_it(project: Path) -> None:
    pipeline = open_pipeline()
    Path("rsft/count.py").write_text("")
    assert pipeline.run("shout", script("shout")).state == "ran"


def test_an_output_that_is_missing_afterwards_is_an_error(project: Path) -> None:
    with pytest.raises(LineageError, match=r"stage 'shout': .*out/shouts.* does not exist"):
        run("shout", lambda: None)
    assert not Path("dvc.lock").exists()


def test_a_function_that_raises_leaves_the_record_as_it_was(project: Path) -> None:
    run("shout")
    before = Path("dvc.lock").read_text()
    Path("words.txt").write_text("three")
    with pytest.raises(RuntimeError, match="killed"):
        run("shout", raises)
    assert Path("dvc.lock").read_text() == before
    Path("words.txt").write_text("one two")
    assert run("shout", never).state == "reused"
    assert shouts()["0.txt"] == "ONE TWO"


@pytest.mark.parametrize("failing", [edits_words, raises])
def test_a_stage_that_failed_can_run_again_in_the_same_pipeline(
    project: Path, failing: Callable[[], None]
) -> None:
    run("shout")
    Path("words.txt").write_text("four")
    pipeline = open_pipeline()
    with pytest.raises((LineageError, RuntimeError)):
        pipeline.run("shout", failing)
    assert pipeline.run("shout", script("shout")).state == "ran"
    assert shouts()["0.txt"] == Path("words.txt").read_text().upper()
    assert run("shout", never).state == "reused"


def test_a_missing_dependency_is_an_error_that_names_it(project: Path) -> None:
    Path("words.txt").unlink()
    with pytest.raises(LineageError, match=r"'shout': words\.txt"):
        run("shout", never)


def test_a_missing_setting_is_an_error_that_names_it(project: Path) -> None:
    Path("params.yaml").write_text("other: 1\n")
    with pytest.raises(LineageError, match=r"'shout'.*params"):
        run("shout", never)


def test_an_unknown_stage_is_an_error(project: Path) -> None:
    with pytest.raises(LineageError, match=r"dvc\.yaml.*'whisper'"):
        open_pipeline().run("whisper", never)


def test_a_broken_dvc_yaml_is_an_error(project: Path) -> None:
    Path("dvc.yaml").write_text("stages: [")
    with pytest.raises(LineageError, match=r"dvc\.yaml"):
        run("shout", never)


def test_a_folder_without_dvc_is_an_error(project: Path) -> None:
    shutil.rmtree(".dvc")
    with pytest.raises(WorkspaceError, match="`dvc init`"):
        open_pipeline()


def test_a_dvc_command_at_work_is_an_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0)
    pipeline, other = open_pipeline(), open_pipeline()
    with other._repo.lock, pytest.raises(WorkspaceError, match="another DVC command is at work"):
        pipeline.run("shout", never)


def test_the_command_is_the_one_that_dvc_records(project: Path) -> None:
    assert open_pipeline().command("shout") == "python rsft/shout.py"


def test_code_changed_names_what_was_edited_added_and_removed(project: Path) -> None:
    pipeline = open_pipeline()
    assert pipeline.code_changed() == []
    Path("words.txt").write_text("data is no code")
    assert pipeline.code_changed() == []
    Path("rsft/count.py").unlink()
    Path("rsft/shout.py").write_text("")
    Path("rsft/suite.json").write_text("{}")
    Path("params.yaml").write_text("shout: {copies: 9}\n")
    edited = ["params.yaml", "rsft/count.py", "rsft/shout.py", "rsft/suite.json"]
    assert pipeline.code_changed() == edited


def test_an_input_that_was_touched_is_named_and_code_alone_is_not_it(project: Path) -> None:
    pipeline = open_pipeline()
    run("shout")  # what stages make is no input
    assert pipeline.changed() == []
    Path("words.txt").write_text("one two")
    Path("params.yaml").write_text("shout: {copies: 9}\n")
    assert pipeline.changed() == ["params.yaml", "words.txt"]
    assert pipeline.code_changed() == ["params.yaml"]


def test_a_policy_that_was_edited_is_named_and_stops_no_stage(project: Path) -> None:
    Path("mlflow").mkdir()
    Path("mlflow/policy.yaml").write_text("alpha: 0.05\n")
    pipeline = open_pipeline()
    assert pipeline.changed() == []
    Path("mlflow/policy.yaml").write_text("alpha: 0.5\n")
    assert pipeline.changed() == ["mlflow/policy.yaml"]
    assert pipeline.run("shout", script("shout")).state == "ran"


def test_an_input_swapped_for_one_of_the_same_size_and_time_is_named(project: Path) -> None:
    pipeline = open_pipeline()
    told = Path("words.txt").stat()
    Path("words.txt").write_text("two one")
    os.utime("words.txt", ns=(told.st_atime_ns, told.st_mtime_ns))
    assert pipeline.changed() == ["words.txt"]


def test_files_added_to_and_removed_from_a_folder_of_inputs_are_named(project: Path) -> None:
    text = FILES["dvc.yaml"].replace("words.txt, ", "words.txt, data/raw, ")
    Path("dvc.yaml").write_text(text)
    Path("data/raw/deep").mkdir(parents=True)
    for name in ("data/raw/a", "data/raw/deep/b", ".dvcignore"):
        Path(name).write_text("*.log\n")
    pipeline = open_pipeline()
    Path("data/raw/a").unlink()
    Path("data/raw/deep/c").write_text("")
    Path("data/raw/ignored.log").write_text("")
    assert pipeline.changed() == ["data/raw/a", "data/raw/deep/c"]


def test_a_module_that_was_edited_after_its_import_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not what runs, though it is as it was when the pipeline was opened."""
    monkeypatch.syspath_prepend(project)
    module = types.ModuleType("rsft.shout")
    module.__file__ = str(project / "rsft" / "shout.py")
    monkeypatch.setitem(sys.modules, "rsft.shout", module)
    written = Path("rsft/shout.py").stat().st_ctime
    monkeypatch.setattr("rsft.IMPORTED_AT", written + 1)
    assert open_pipeline().code_changed() == []
    monkeypatch.setattr("rsft.IMPORTED_AT", written - 1)
    assert open_pipeline().code_changed() == ["rsft/shout.py"]
    with pytest.raises(LineageError, match=r"rsft/shout\.py changed since the run began"):
        run("shout", never)


def test_an_input_that_was_purged_is_refused(project: Path) -> None:
    md5 = hashlib.md5(FILES["words.txt"].encode()).hexdigest()
    open_pipeline().require_unpurged({"f" * 32: "purge/1"})
    with pytest.raises(LineageError, match=r"^words\.txt is what purge/2 deleted; take out of it"):
        open_pipeline().require_unpurged({md5: "purge/2"})


def test_inputs_are_kept_in_the_cache_under_the_hash_that_stages_record(project: Path) -> None:
    text = FILES["dvc.yaml"].replace("words.txt, ", "words.txt, data/raw, ")
    Path("dvc.yaml").write_text(text)
    Path("data/raw").mkdir(parents=True)
    for name in ("a", "b"):
        Path("data/raw", name).write_text(name)
    deps = run("shout").deps
    kept = open_pipeline().keep_inputs()
    assert {path: out.hash for path, out in kept.items()} == {
        path: deps[path] for path in ("data/raw", "words.txt")
    }
    assert (kept["data/raw"].size, kept["data/raw"].files) == (2, 2)
    shutil.rmtree("data/raw")
    cache = Cache(Workspace(root=project, home=project))
    files = {m.path: cache.object(m.hash).read_text() for m in cache.members(kept["data/raw"].hash)}
    assert files == {"a": "a", "b": "b"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "one = 1\ndef two(:\n",
            r"^rsft/shout\.py:2: no Python that can be read \(invalid syntax\)",
        ),
        ("one = '\0'", r"^rsft/shout\.py: no Python that can be read \(source code string cannot"),
    ],
)
def test_code_that_does_not_parse_is_told_before_anything_runs(
    project: Path, text: str, told: str
) -> None:
    (project / "rsft/shout.py").write_text(text)
    with pytest.raises(LineageError, match=told):
        open_pipeline()
    assert not (project / "dvc.lock").exists()
