"""The main job on tiny settings, by its command line: what it leaves, and what it then reuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.flows.conftest import Finished, Up
from tests.workspaces import clean_environment, git, rsft


def dvc(folder: Path, *arguments: str) -> str:
    """Runs DVC's own command line as a person would, and gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env=clean_environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def locked_stages(folder: Path) -> dict[str, Any]:
    return YAML(typ="safe").load((folder / "dvc.lock").read_text())["stages"]


def test_the_summary_has_what_a_reader_looks_for(finished: Finished) -> None:
    summary = finished.summary
    assert summary["tag"] == f"run/{summary['run_id']}"
    seconds = summary["seconds"]
    assert seconds["total"] == pytest.approx(seconds["orchestration"] + seconds["stages"])
    for figures in (summary["base"], *summary["rounds"]):
        assert {"accuracy", "low", "high", "pass_at_k"} <= set(figures["sets"]["eval"])
        assert {"accuracy", "low", "high", "pass_at_k"} <= set(figures["sets"]["guard"])
    (first,) = summary["rounds"]
    assert (first["prompts"], first["candidates"]) == (64, 256)
    assert first["accepted"] == first["reasons"]["accepted"] > 0
    assert first["acceptance_rate"] == first["accepted"] / 256
    assert first["effective_sample_size"] > 0
    assert sum(first["reasons"].values()) == 256
    assert {number: set(own) for number, own in summary["controls"].items()} == {"1": {"random"}}
    assert {"points", "low", "high", "p_value"} <= set(summary["gain"])
    gain = first["sets"]["eval"]["accuracy"] - summary["base"]["sets"]["eval"]["accuracy"]
    assert summary["gain"]["points"] == pytest.approx(100 * gain)


def test_run_json_holds_the_same_summary(finished: Finished) -> None:
    written = json.loads((finished.folder / "data" / "run.json").read_text())
    assert written == finished.summary


def test_a_person_sees_stages_rounds_and_the_result(finished: Finished) -> None:
    model = finished.summary["model"]
    for text in (
        "generate@1",
        "Round 1",
        "bound per_prompt_maximum",
        "Right answers",
        f"rsft version 1 @{model['alias']}: {model['reason']}",
        f"{finished.summary['tag']} took",
    ):
        assert text in finished.shown
    assert "Traceback" not in finished.shown
    assert "WARNING" not in finished.shown


def test_the_flow_runs_every_stage_of_dvc_yaml(finished: Finished) -> None:
    listed = dvc(finished.folder, "stage", "list", "--name-only").split()
    assert list(locked_stages(finished.folder)) == listed


def test_the_checkout_is_as_clean_as_before(finished: Finished) -> None:
    assert git(finished.folder, "status", "--porcelain") == "?? dvc.lock"


def test_dvc_finds_nothing_to_do(finished: Finished) -> None:
    assert "up to date" in dvc(finished.folder, "status")
    assert dvc(finished.folder, "repro").splitlines()[-1] == "Data and pipelines are up to date."


def test_a_clone_resolves_to_the_same_hashes_by_hand(finished: Finished, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(finished.folder), str(clone))
    dvc(clone, "repro")
    assert locked_stages(clone) == locked_stages(finished.folder)


def test_the_second_run_reuses_every_stage_and_registers_nothing(
    finished: Finished, up: Up
) -> None:
    done = rsft(finished.folder, "run", "--json", **up.environment)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["seconds"]["stages"] == 0
    assert " ran " not in done.stderr
    assert summary["model"]["version"] == 1
    figures = ("base", "rounds", "controls", "gain")
    assert {key: summary[key] for key in figures} == {key: finished.summary[key] for key in figures}
    assert git(finished.folder, "tag", "--list").count("run/") == 2


def test_a_run_whose_rounds_collapse_ends_with_the_last_good_model(again: Path, up: Up) -> None:
    settings = ("--set", "rounds=2", "--set", "monitor={min_effective_sample_size: 100000}")
    done = rsft(again, "run", "--json", *settings, **up.environment)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    first, second = summary["rounds"]
    assert (first["candidates"], second["candidates"]) == (256, 0)
    assert first["sets"] == second["sets"] == summary["base"]["sets"]
    reason = "stopped: collapsed in round 1: the effective sample size of the pool is"
    assert f"  {reason}" in done.stderr
    assert f"Round 2 is not run, {reason}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "WARNING" not in done.stderr
    outs = {
        out["path"]: out["md5"] for stage in locked_stages(again).values() for out in stage["outs"]
    }
    assert outs["data/rounds/2/model"] == outs["data/rounds/1/model"] == outs["data/base/model"]
    assert outs["data/rounds/1/trained"] != outs["data/base/model"]
    assert "up to date" in dvc(again, "status")


def test_the_model_answers(finished: Finished) -> None:
    done = rsft(finished.folder, "ask", "--model", "rsft/1", "Ann has 3 pens and buys 4. How many?")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("answer: ")


def test_the_record_is_told_without_mlflow_and_its_like(finished: Finished, tmp_path: Path) -> None:
    for heavy in ("mlflow", "torch", "transformers", "prefect", "great_expectations", "dvc"):
        (tmp_path / f"{heavy}.py").write_text(f"raise SystemExit('{heavy} was imported')")
    done = rsft(finished.folder, "history", "--json", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    (model,) = json.loads(done.stdout)["models"]
    registered, judged, *later = model["entries"]
    summary = finished.summary
    assert registered["details"]["run_id"] == judged["details"]["run_id"] == summary["run_id"]
    assert registered["commit"] == git(finished.folder, "rev-parse", f"{summary['tag']}^{{}}")
    assert judged["details"]["reason"] == summary["model"]["reason"]
    promoted = [entry for entry in later if entry["kind"] == "promoted"]
    assert bool(promoted) == (summary["model"]["alias"] == "champion")


def test_lineage_names_every_data_set_by_its_hash(finished: Finished) -> None:
    done = rsft(finished.folder, "lineage", finished.summary["run_id"], "--json")
    assert done.returncode == 0, done.stderr
    origin = json.loads(done.stdout)
    assert origin["git_tag"] == finished.summary["tag"]
    assert git(finished.folder, "rev-parse", f"{origin['git_tag']}^{{}}") == origin["git_commit"]
    assert (origin["edited"], origin["changed"]) == ([], [])
    assert {
        path: out["hash"]
        for stage in origin["stages"].values()
        for path, out in stage["outs"].items()
    } == {
        out["path"]: out["md5"]
        for stage in locked_stages(finished.folder).values()
        for out in stage["outs"]
    }
    rows = origin["stages"]["generate@1"]["outs"]["data/rounds/1/candidates"]["rows"]
    assert rows == {".": 256}


def test_lineage_for_people_cuts_no_hash(finished: Finished) -> None:
    done = rsft(finished.folder, "lineage", "data/rounds/1/model", COLUMNS="40")
    assert done.returncode == 0, done.stderr
    stages = locked_stages(finished.folder)
    for name in ("prompts", "base", "generate@1", "filter@1", "finetune@1"):
        for out in stages[name]["outs"]:
            assert f" {out['md5']}\n" in done.stdout


def test_the_tag_s_checkout_resolves_to_the_same_hashes(finished: Finished, tmp_path: Path) -> None:
    """With the data that the remote has, and no other."""
    tree = tmp_path / "tree"
    git(tmp_path, "clone", "--quiet", str(finished.folder), str(tree))
    git(tree, "checkout", "--quiet", finished.summary["tag"])
    dvc(tree, "config", "--local", "remote.local.url", str(finished.folder / ".rsft" / "remote"))
    dvc(tree, "pull")
    assert "up to date" in dvc(tree, "status")
    assert (tree / "data" / "inputs" / "data" / "raw" / "README.md").exists()


def test_up_serves_all_three(up: Up) -> None:
    from urllib.request import urlopen

    assert up.addresses.keys() == {"Prefect", "MLflow", "Data Docs"}
    assert (
        "PREFECT_API_URL is http://***@127.0.0.1:9/api here: `rsft run` and `rsft status` use that "
        "server, not this one"
    ) in up.told
    for address in up.addresses.values():
        with urlopen(address, timeout=30) as answer:
            assert answer.status == 200


def test_the_run_was_judged_and_the_same_again_says_the_same(finished: Finished, up: Up) -> None:
    """On tiny settings nothing is learnt, so that the figures alone stop it."""
    kept = git(finished.folder, "tag", "--list", "verdict/*").split()
    assert kept[0] == "verdict/rsft/v1/1"
    done = rsft(finished.folder, "promote", "--json", **up.environment)
    assert done.returncode == 1, done.stderr
    verdict = json.loads(done.stdout)
    failed = [check["name"] for check in verdict["checks"] if not check["passed"]]
    assert failed[0] == "gain"
    assert all(name.startswith("guard ") for name in failed[1:])
    assert verdict["reason"] == finished.summary["model"]["reason"]
    assert (verdict["tag"], verdict["looks"]["eval"], verdict["against"]) == (kept[-1], 1, None)
    assert git(finished.folder, "tag", "--list", "verdict/*").split() == kept
