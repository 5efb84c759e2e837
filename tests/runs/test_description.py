"""What a registered version says of itself: told once, from its own run's tag."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsft.lineage import Workspace, read_run, read_runs, tag_run
from rsft.registry import DataSet, ModelVersion
from rsft.report.card import model_card
from rsft.runs import description
from rsft.runs.description import data_sets, describe_versions
from tests.interop.conftest import keep
from tests.report.manifests import manifest
from tests.workspaces import make_repository

VERSION = ModelVersion(
    name="policy",
    version=1,
    aliases=(),
    tags={"git_tag": "run/20260101T000000-demo"},
    mlflow_run_id="r",
)
OTHERS = replace(VERSION, version=2, tags={"git_tag": "run/of-another-checkout"})


@pytest.fixture
def told() -> dict[str, Any]:
    return manifest()


@pytest.fixture
def workspace(tmp_path: Path, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout with the run's tag, and what its folders hold in the cache."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    found = Workspace(root=tmp_path, home=tmp_path)
    (tmp_path / "dvc.yaml").write_text("")
    make_repository(tmp_path)
    (tmp_path / "dvc.lock").write_text("")
    splits = {f"{name}.parquet": name.encode() for name in ("train", "test", "guard_templates")}
    folders = {"prompts": {"data/prompts": splits}}
    for number in ("1", "2"):
        kept = {"kept.parquet": number.encode(), "diagnostics.json": b"{}"}
        folders[f"pool@{number}"] = {f"data/rounds/{number}/pool": kept}
    for stage, outs in folders.items():
        for path, files in outs.items():
            told["stages"][stage]["outs"][path]["hash"] = keep(found, files).hash
    return found


def pinned(workspace: Workspace, told: dict[str, Any]) -> dict[str, DataSet]:
    tag_run(workspace, told["run_id"], told)
    record = read_run(workspace, told["run_id"])
    return {found.path: found for found in data_sets(workspace, record)}


def test_the_rows_it_was_trained_and_measured_on_are_told_apart(
    workspace: Workspace, told: dict[str, Any]
) -> None:
    found = pinned(workspace, told)
    assert {path: one.context for path, one in found.items()} == {
        "data/prompts": "prompts",
        "data/rounds/1/pool": "pool",
        "data/rounds/2/pool": "pool",
        "data/rounds/2/model": "monitor",
        "data/prompts/test.parquet": "evaluation",
        "data/prompts/guard_templates.parquet": "evaluation",
        "data/rounds/2/pool/kept.parquet": "training",
    }
    measured = found["data/prompts/test.parquet"]
    assert measured.md5 == "098f6bcd4621d373cade4e832627b4f6"  # md5sum of "test"
    assert measured.rows == 400
    assert measured.metrics == pytest.approx(
        {
            "eval.accuracy": 0.7,
            "eval.low": 0.65,
            "eval.high": 0.75,
            "eval.pass_at_1": 0.6,
            "eval.pass_at_k": 0.9,
        }
    )
    assert found["data/rounds/2/pool/kept.parquet"].rows == 1540


def test_of_rounds_that_go_on_from_one_another_all_pools_are_trained_on(
    workspace: Workspace, told: dict[str, Any]
) -> None:
    told["params"]["finetune"]["start"] = "previous"
    base = keep(workspace, {"kept.parquet": b"0"})
    told["stages"]["base"] = {
        "deps": {},
        "outs": {"data/base/pool": {"hash": base.hash, "size": 1, "files": 1}},
    }
    found = pinned(workspace, told)
    trained = [path for path, one in found.items() if one.context == "training"]
    assert trained == [
        f"{folder}/pool/kept.parquet" for folder in ("data/base", "data/rounds/1", "data/rounds/2")
    ]


def test_a_round_that_was_handed_on_is_the_one_trained_on(
    workspace: Workspace, told: dict[str, Any]
) -> None:
    told["figures"]["rounds"][-1]["monitor"]["handed_on"] = 1
    found = pinned(workspace, told)
    trained = [path for path, one in found.items() if one.context == "training"]
    assert trained == ["data/rounds/1/pool/kept.parquet"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the registry is asked to do."""
    made: list[str] = []
    monkeypatch.setattr(description, "without_card", lambda *_: [OTHERS, VERSION])
    monkeypatch.setattr(description, "log_datasets", lambda *_, step: made.append(f"data {step}"))
    monkeypatch.setattr(description, "attach_card", lambda *told: made.append(told[2]))
    return made


def test_a_version_is_described_by_its_own_run_and_another_checkout_s_is_left_to_it(
    workspace: Workspace, told: dict[str, Any], calls: list[str]
) -> None:
    tag_run(workspace, told["run_id"], told)
    describe_versions(None, workspace, "policy")
    (run,) = read_runs(workspace)
    assert calls == ["data 2", model_card(run.manifest)]


def test_a_version_whose_data_was_purged_holds_nothing_up(
    workspace: Workspace, told: dict[str, Any], calls: list[str]
) -> None:
    tag_run(workspace, told["run_id"], told)
    shutil.rmtree(workspace.home / ".dvc" / "cache")
    describe_versions(None, workspace, "policy")
    assert calls == []
