"""Asking for what cannot be done: one line, exit code 2, and nothing half-written."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rsft.config import set_values
from tests.flows.conftest import Up
from tests.workspaces import ROOT, clean_environment, git, rsft

QUESTION = {"id": "a", "prompt": "What is 2 and 3?", "answer": "5"}
FILES = ("prompts.source=files", "prompts.files={train: train.jsonl, eval: eval.jsonl}")


def write_prompts(folder: Path, train: str, eval_: str) -> None:
    for name, text in (("train", train), ("eval", eval_)):
        (folder / "data" / "raw" / f"{name}.jsonl").write_text(text)


def line(**changes: object) -> str:
    return json.dumps(QUESTION | changes) + "\n"


def stage(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Runs a stage by its command, as ``dvc repro`` does."""
    return subprocess.run(
        [sys.executable, "-m", f"rsft.stages.{name}"],
        cwd=folder,
        env=clean_environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    assert done.returncode == 2, done.stdout + done.stderr
    (error,) = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    assert done.stderr.splitlines()[-1] == error
    assert "Traceback" not in done.stderr + done.stdout
    return error


def test_a_policy_that_does_not_fit_is_told_before_the_first_stage(again: Path, up: Up) -> None:
    file = again / "mlflow" / "policy.yaml"
    file.write_text(file.read_text().replace("alpha:", "alfa:"))
    error = refused(rsft(again, "run", **up.environment))
    assert "mlflow/policy.yaml: unknown key 'gain.alfa'; did you mean 'alpha'?" in error


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("generate.temprature=1", "unknown key 'generate.temprature'; did you mean 'temperature'?"),
        ("seed=-1", "seed = -1: input should be greater than or equal to 0"),
        ("base.model=/tmp", "a model folder must lie below data/raw"),
    ],
)
def test_a_setting_that_does_not_fit(again: Path, setting: str, message: str) -> None:
    before = (again / "params.yaml").read_bytes()
    assert message in refused(rsft(again, "run", "--set", setting))
    assert (again / "params.yaml").read_bytes() == before


def test_outside_a_checkout(tmp_path: Path) -> None:
    assert "is not in a git checkout" in refused(rsft(tmp_path, "run", PYTHONPATH=str(ROOT)))


def test_without_git(again: Path, tmp_path: Path) -> None:
    done = rsft(again, "run", PATH=str(tmp_path))
    assert "git is not installed" in refused(done)


def test_a_store_that_cannot_be_reached(again: Path, up: Up) -> None:
    done = rsft(again, "run", MLFLOW_TRACKING_URI="http://127.0.0.1:9", **up.environment)
    assert "MLflow's store http://127.0.0.1:9 cannot be used" in refused(done)
    assert " ran " not in done.stdout


@pytest.mark.parametrize("command", ["run", "promote"])
def test_a_prefect_server_that_is_not_there(again: Path, command: str) -> None:
    done = rsft(again, command, PREFECT_API_URL="http://127.0.0.1:9/api")
    error = refused(done)
    assert "PREFECT_API_URL = http://127.0.0.1:9/api: Prefect's server does not answer (" in error
    assert "start it with `rsft up`, or unset PREFECT_API_URL" in error


def test_a_second_run_is_refused_before_prefect_is_asked_for_one(again: Path) -> None:
    hold = (
        "import time; from rsft.lineage import Workspace\n"
        "with Workspace.open().hold('20261124T000000-abcd'):\n"
        "    print('held', flush=True); time.sleep(99)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold],
        cwd=again,
        env=clean_environment(again),
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        error = refused(rsft(again, "run", PREFECT_API_URL="http://127.0.0.1:9/api"))
        holder.kill()
    assert f"held by run 20261124T000000-abcd (process {holder.pid} of " in error
    assert "since 20" in error
    assert "`rsft run --wait`" in error


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (None, "data/raw/train.jsonl: cannot be read (No such file or directory)"),
        ("", "data/raw/train.jsonl: no prompts in it"),
        (line() + "{", "data/raw/train.jsonl:2: not JSON"),
        (line() + line(), "data/raw/train.jsonl:2: id 'a' is that of line 1 too"),
        (line() + line(id="b", prompt=" "), "data/raw/train.jsonl:2: field 'prompt' is ' '"),
        (line() + line(id="b", answer=None), "data/raw/train.jsonl:2: field 'answer' is None"),
        (line(prompt="what  is 2 AND 4?"), "eval prompt 'e' is training prompt 'a' again"),
    ],
    ids=["missing", "empty", "malformed", "twice", "no prompt", "no answer", "leak"],
)
def test_prompts_that_cannot_be_used(again: Path, train: str | None, message: str) -> None:
    write_prompts(again, train or "", line(id="e", prompt="What is 2 and 4?"))
    if train is None:
        (again / "data" / "raw" / "train.jsonl").unlink()
    set_values(again / "params.yaml", FILES)
    before = sorted((again / "data" / "prompts").iterdir())
    assert message in refused(stage(again, "prompts"))
    assert sorted((again / "data" / "prompts").iterdir()) == before


def test_a_base_that_is_no_model_folder(again: Path) -> None:
    (again / "data" / "raw" / "model").mkdir()
    set_values(again / "params.yaml", ["base.model=data/raw/model"])
    shutil.rmtree(again / "data" / "base")
    assert "data/raw/model: no config.json in it" in refused(stage(again, "base"))
    assert not (again / "data" / "base").exists()


def test_zero_accepted_rows(again: Path, up: Up) -> None:
    """In the flow: no traceback, nothing half-written, and no tag for a run that did not end."""
    bound = "filter.bound={method: known, log_bound: 99}"
    strict = ("filter.rule=threshold", "filter.threshold=1", bound)
    options = [text for setting in strict for text in ("--set", setting)]
    error = refused(rsft(again, "run", *options, **up.environment))
    assert "round 1: none of 256 candidates was accepted (" in error
    assert "loosen filter, raise generate.draws_per_prompt" in error
    assert not (again / "data" / "rounds" / "1" / "accepted").exists()
    assert not (again / "data" / "rounds" / "1" / "decisions").exists()
    assert git(again, "tag", "--list").count("run/") == 1


def test_a_failed_critical_expectation(again: Path, up: Up) -> None:
    done = rsft(again, "run", "--set", "validate.min_rows=5000", **up.environment)
    error = refused(done)
    assert "round 1: the accepted rows fail row-count (observed " in error
    assert "training did not start" in error
    verdict = json.loads((again / "data/rounds/1/validation/verdict.json").read_text())
    assert [failure["expectation"] for failure in verdict["failed"]] == ["row-count"]
    assert not (again / "data" / "rounds" / "1" / "trained").exists()
    assert git(again, "tag", "--list").count("run/") == 1


def test_ctrl_c_says_how_to_go_on(again: Path, up: Up) -> None:
    process = subprocess.Popen(
        # Not `python -m rsft`: CPython ends that by the signal itself, after all that is caught and
        # closed, where it arrived within an exec() of text, as dataclasses have at import.
        [Path(sys.executable).with_name("rsft"), "run", "--set", "seed=7"],
        cwd=again,
        env=clean_environment(again, PYTHONPATH=str(again), **up.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "prompts" not in (told := process.stdout.readline()):
        assert told, "the run ended before its first stage"
    process.send_signal(signal.SIGINT)
    shown, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "interrupted; what is finished is kept" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ask", "How many?"), "rsft@champion: no such model in sqlite:///"),
        (("ask", " "), "the question is empty"),
        (("lineage", "rsft"), "'rsft' is no version, alias, run or data set"),
    ],
)
def test_a_model_that_is_not_there(again: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(rsft(again, *arguments))
