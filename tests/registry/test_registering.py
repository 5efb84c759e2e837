import errno

import pytest

from rsft.errors import RegistryError
from rsft.registry.store import Registry
from rsft.registry.versions import get_version


def test_a_first_model_is_version_1_and_challenger(submit, name: str) -> None:
    version = submit("m1")
    assert (version.name, version.version, version.aliases) == (name, 1, ("challenger",))
    assert version.tags == {
        "run_id": "20260101-demo",
        "git_tag": "run/20260101-demo",
        "git_commit": "c0ffee",
        "dvc_lock_sha256": "10c4",
        "md5:data/prompts": "5eed.dir",
        "model_md5": "m1",
        "seed": "7",
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
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("data/prompts", "5eed.dir")


def test_any_number_of_settings_is_recorded(registry: Registry, submit) -> None:
    version = submit("m1", params={f"p{i}": i for i in range(205)})
    assert len(registry.client.get_run(version.mlflow_run_id).data.params) == 205


def test_an_identical_model_makes_no_new_version(registry: Registry, submit, name: str) -> None:
    first = submit("m1")
    assert submit("m1") == first
    experiment = registry.experiment_id(name)
    assert len(registry.client.search_runs([experiment])) == 1


def test_the_latest_model_is_the_challenger(registry: Registry, submit, name: str) -> None:
    submit("m1")
    assert submit("m2").version == 2
    assert get_version(registry, name, "challenger").version == 2
    assert get_version(registry, name, 1).aliases == ()


def test_a_champion_does_not_challenge_itself(registry: Registry, submit, name: str) -> None:
    submit("m1")
    registry.client.set_registered_model_alias(name, "champion", "1")
    registry.client.delete_registered_model_alias(name, "challenger")
    assert submit("m1").aliases == ("champion",)


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
