import errno
import json
from pathlib import Path

import pytest

from rsft.errors import RegistryError
from rsft.registry.store import Registry
from rsft.registry.versions import get_version, list_versions
from rsft.types import SourceFigures


def test_a_first_model_is_version_1(submit, name: str) -> None:
    version = submit("m1")
    assert (version.name, version.version) == (name, 1)
    assert len(version.tags["package_md5"]) == 32
    assert version.tags == {
        "package_md5": version.tags["package_md5"],
        "run_id": "20260101-demo",
        "git_tag": "run/20260101-demo",
        "git_commit": "c0ffee",
        "dvc_lock_sha256": "10c4",
        "md5:data/prompts": "5eed.dir",
        "model_md5": "m1",
        "seed": "7",
        "training_licences": "MIT: rows 35, prompts 21; unknown: rows 4, prompts 4",
        "training_sources": "a.jsonl (MIT): rows 30, prompts 20, families 10; "
        "b (new) (unknown): rows 4, prompts 4, families 2; "
        "c.jsonl (MIT): rows 5, prompts 1, families 1",
        "eval_answers": "evaluation/answers.parquet",
        "eval_prompts_md5": "a11",
    }


def test_its_run_holds_what_was_set_and_measured(registry: Registry, submit) -> None:
    version = submit("m1")
    run = registry.client.get_run(version.mlflow_run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "20260101-demo"
    assert run.data.params == {"seed": "7", "base.model": "scratch", "base.scratch.layers": "2"}
    history = registry.client.get_metric_history(run.info.run_id, "eval/accuracy")
    assert [(metric.step, metric.value) for metric in history] == [(0, 0.4), (1, 0.6)]


def test_its_run_holds_what_it_was_trained_on(registry: Registry, submit, tmp_path: Path) -> None:
    version = submit("m1")
    file = registry.client.download_artifacts(
        version.mlflow_run_id, "training_data.json", str(tmp_path)
    )
    found = json.loads(Path(file).read_text())["sources"]
    assert [row["licence"] for row in found] == ["MIT", "unknown", "MIT"]
    assert found[0] == {
        "source": "a.jsonl", "licence": "MIT", "rows": 30, "prompts": 20, "families": 10
    }  # fmt: skip


def test_versions_are_found_by_a_licence_they_were_trained_under(
    registry: Registry, submit, name: str
) -> None:
    submit("m1")
    for licence, count in (("unknown", 1), ("GPL", 0)):
        wanted = f"name = '{name}' and tags.training_licences LIKE '%{licence}:%'"
        assert len(registry.client.search_model_versions(wanted)) == count


def test_a_long_list_of_sources_is_cut_in_the_tag_alone(registry: Registry, submit) -> None:
    named = {"licence": "MIT", "rows": 1, "prompts": 1, "families": 1}
    many = [SourceFigures(source=f"file-{n}.jsonl", **named) for n in range(400)]
    version = submit("m1", sources=many)
    assert len(version.tags["training_sources"]) == 500
    assert version.tags["training_sources"].endswith("…")


def test_any_number_of_settings_is_recorded(registry: Registry, submit) -> None:
    version = submit("m1", params={f"p{i}": i for i in range(205)})
    assert len(registry.client.get_run(version.mlflow_run_id).data.params) == 205


def test_an_identical_model_makes_no_new_version(registry: Registry, submit, name: str) -> None:
    first = submit("m1")
    assert submit("m1") == first
    experiment = registry.experiment_id(name)
    assert len(registry.client.search_runs([experiment])) == 1


def test_another_model_is_another_version(registry: Registry, submit, name: str) -> None:
    submit("m1")
    assert submit("m2").version == 2
    assert list_versions(registry, name) == [1, 2]


def test_a_failure_leaves_a_failed_run_and_no_version(
    registry: Registry, submit, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rsft.registry.registering.write_model", fail)
    with pytest.raises(RegistryError, match="No space left"):
        submit("m1")
    (run,) = registry.client.search_runs([registry.experiment_id(name)])
    assert run.info.status == "FAILED"
    with pytest.raises(RegistryError, match="there is none"):
        get_version(registry, name, 1)
