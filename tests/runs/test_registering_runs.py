"""Registering from tags and cache: at once, later, again, and into a registry made anew."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from rsft.errors import LineageError, RefusalError, RegistryError
from rsft.lineage import Cache, RunRecord, Workspace, read_record, read_runs, tag_run
from rsft.registry import Registry, get_version, list_versions
from rsft.runs.registration import (
    Registered,
    register_patiently,
    register_pending,
    registered_version,
)
from tests.runs.recorded import add_run, make_recorded, write_little
from tests.workspaces import git

NOTHING = Registered(versions=[], left={})


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rsft.registry.registering.write_model", write_little)


@pytest.fixture
def workspace(name: str, tmp_path: Path) -> Workspace:
    return make_recorded(tmp_path, "one", "two", name=name)


def test_what_is_tagged_is_registered_the_oldest_first(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    first, second = register_pending(workspace, registry, name).versions
    assert (first.version, second.version) == (1, 2)
    assert (first.aliases, second.aliases) == ((), ("challenger",))
    runs = read_runs(workspace)
    assert [v.tags["run_id"] for v in (first, second)] == [run.run_id for run in runs]
    record = read_record(workspace, name)
    assert [(e.version, e.commit) for e in record] == [(1, runs[0].commit), (2, runs[1].commit)]
    assert record[1].details["model_hash"] == second.tags["model_md5"]
    assert registered_version(workspace, registry, runs[0]) == first
    run = registry.client.get_run(second.mlflow_run_id)
    assert run.data.metrics == {"sets.eval.accuracy": 0.5, "round": 1.0, "accepted": 3.0}
    assert run.data.params["register.name"] == name
    assert second.tags["training_licences"] == "MIT: rows 3, prompts 2"
    assert not (workspace.home / ".rsft" / "registering").exists()


def test_the_same_model_again_is_no_new_version(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    register_pending(workspace, registry, name)
    run = add_run(workspace, "20260103T000000-demo", "one", name=name)
    assert register_pending(workspace, registry, name) == NOTHING
    assert registered_version(workspace, registry, run).version == 1
    assert list_versions(registry, name) == [1, 2]


@pytest.mark.parametrize("place", ["../../../../../far", "{far}"])
def test_a_tag_of_anothers_has_nothing_written_elsewhere(
    registry: Registry, workspace: Workspace, name: str, tmp_path: Path, place: str
) -> None:
    far = tmp_path.parent / "far"
    with pytest.raises(LineageError, match="is no run of this checkout"):
        add_run(workspace, "20260103-far", "three", name=name, place=place.format(far=far))
    assert len(register_pending(workspace, registry, name).versions) == 2
    assert not [*tmp_path.parent.rglob("far/*/text"), *tmp_path.rglob("far/*/text")]


def test_another_name_s_runs_are_left_alone(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    assert register_pending(workspace, registry, f"{name}-other") == NOTHING


def test_a_deleted_registration_is_written_again(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    register_pending(workspace, registry, name)
    git(workspace.root, "tag", "--delete", f"{name}@v2.0.0")
    (version,) = register_pending(workspace, registry, name).versions
    assert version.version == 2
    assert [e.version for e in read_record(workspace, name)] == [1, 2]


def test_a_registry_made_anew_gets_the_same_numbers(
    registry: Registry, workspace: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_pending(workspace, registry, name)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00+00:00")
    oldest = add_run(workspace, "20200101T000000-demo", "zero", name=name)
    register_pending(workspace, registry, name)
    assert registered_version(workspace, registry, oldest).version == 3
    before = [get_version(registry, name, version).tags for version in (1, 2, 3)]
    registry.client.delete_registered_model(name)
    assert len(register_pending(workspace, registry, name).versions) == 3
    assert [get_version(registry, name, version).tags for version in (1, 2, 3)] == before
    assert get_version(registry, name, 3).aliases == ("challenger",)


def test_one_record_goes_with_one_registry(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    register_pending(workspace, registry, name)
    registry.client.set_model_version_tag(name, "1", "model_md5", "f00.dir")
    with pytest.raises(LineageError, match=r"/1 in sqlite.* is the model f00\.dir, on record is"):
        registered_version(workspace, registry, read_runs(workspace)[0])


def test_a_model_that_is_in_no_cache_is_told_and_the_others_are_registered(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    first, second = read_runs(workspace)
    lose(workspace, first)
    done = register_pending(workspace, registry, name)
    assert [v.tags["run_id"] for v in done.versions] == [second.run_id]
    assert list(done.left) == [first.tag]
    assert " is neither in the cache nor in the remote; `rsft audit" in done.left[first.tag]
    assert get_version(registry, name, 1).aliases == ("challenger",)


def test_what_the_remote_alone_has_is_brought_and_other_prompts_are_not_asked_for(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    """The training prompts may have been purged since."""
    folder, cache = workspace.home / ".dvc", Cache(workspace)
    (folder / "config").write_text(
        "[core]\n    remote = r\n['remote \"r\"']\n    url = ../remote\n"
    )
    prompts = read_runs(workspace)[0].stages["all"].outs["data/prompts"].hash
    (train,) = [one.hash for one in cache.members(prompts) if one.path == "train.parquet"]
    cache.object(train).unlink()
    shutil.move(folder / "cache" / "files", workspace.home / "remote" / "files")
    assert len(register_pending(workspace, registry, name).versions) == 2


def test_a_manifest_of_another_rsft_is_told(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    params = {"register": {"name": name}}
    foreign = tag_run(workspace, "20250101T000000-old", {"params": params, "stages": {}})
    done = register_pending(workspace, registry, name)
    assert len(done.versions) == 2
    assert done.left == {
        foreign.tag: "its manifest has no 'model'; another version of rsft made it"
    }


def test_a_clone_without_the_cache_registers_its_own_under_the_next_number(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    """Its MLflow is its own, too: the record's numbers are left to the models that have them."""
    register_pending(workspace, registry, name)
    registry.client.delete_registered_model(name)
    shutil.rmtree(workspace.home / ".dvc" / "cache")
    lost = [run.tag for run in read_runs(workspace)]
    assert list(register_pending(workspace, registry, name).left) == lost
    run = add_run(workspace, "20260103T000000-demo", "three", name=name)
    done = register_pending(workspace, registry, name)
    assert ([v.version for v in done.versions], list(done.left)) == ([3], lost)
    assert registered_version(workspace, registry, run).aliases == ("challenger",)
    assert list_versions(registry, name) == [3]
    assert register_pending(workspace, registry, name) == NOTHING


def test_a_version_deleted_in_mlflow_stays_deleted_until_told(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    register_pending(workspace, registry, name)
    registry.client.delete_model_version(name, "2")
    assert register_pending(workspace, registry, name) == NOTHING
    assert list_versions(registry, name) == [1]
    run = read_runs(workspace)[1]
    with pytest.raises(LineageError, match=r"/2, which is on record and not in MLflow.*--again 2"):
        registered_version(workspace, registry, run)
    (again,) = register_pending(workspace, registry, name, again=2).versions
    assert (again.version, again.aliases) == (3, ("challenger",))
    assert registered_version(workspace, registry, run) == again
    record = read_record(workspace, name)
    made = {entry.version: entry.details["model_hash"] for entry in record}
    assert made[2] == made[3] != made[1]


@pytest.mark.parametrize("version", [1, 7])
def test_only_a_deleted_version_is_registered_again(
    registry: Registry, workspace: Workspace, name: str, version: int
) -> None:
    register_pending(workspace, registry, name)
    with pytest.raises(LineageError, match=f"/{version} was not deleted; --again takes the number"):
        register_pending(workspace, registry, name, again=version)


def lose(workspace: Workspace, run: RunRecord) -> None:
    """Takes a file of a run's model out of the cache."""
    cache = Cache(workspace)
    cache.object(cache.members(run.manifest["model"]["hash"])[-1].hash).unlink()


@pytest.mark.parametrize("path", ["../../evil", "/evil", "a/../../evil"])
def test_a_data_set_that_leads_out_of_its_folder_is_refused(
    registry: Registry, workspace: Workspace, name: str, path: str
) -> None:
    run = read_runs(workspace)[0]
    model = run.manifest["model"]["hash"]
    listed = workspace.home / ".dvc" / "cache" / "files" / "md5" / model[:2] / model[2:]
    entries = json.loads(listed.read_text())
    listed.write_text(json.dumps([*entries, {"md5": entries[0]["md5"], "relpath": path}]))
    assert "lies outside of its folder" in register_pending(workspace, registry, name).left[run.tag]
    assert not list(workspace.home.rglob("evil"))


def test_a_registry_that_is_away_for_a_moment_is_waited_for(
    registry: Registry, workspace: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    create, failures = registry.client.create_run, [1, 2]

    def fail(*arguments: object, **options: object) -> object:
        if failures:
            failures.pop()
            raise OperationalError("SELECT 1", {}, Exception("database is locked"))
        return create(*arguments, **options)

    monkeypatch.setattr(registry.client, "create_run", fail)
    assert len(register_patiently(workspace, registry, name).versions) == 2
    assert list_versions(registry, name) == [1, 2]


def test_one_that_refuses_is_asked_once(
    registry: Registry, workspace: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import ErrorCode

    asked = []

    def refuse(*_: object, **__: object) -> None:
        asked.append(1)
        raise MlflowException("Permission denied", error_code=ErrorCode.Value("PERMISSION_DENIED"))

    monkeypatch.setattr(registry.client, "create_run", refuse)
    with pytest.raises(RefusalError, match="refuses this user"):
        register_patiently(workspace, registry, name, patience=0.2)
    assert len(asked) == 1


def test_one_that_stays_away_is_given_up_and_made_up_for(
    registry: Registry, workspace: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("unable to open database file"))

    with monkeypatch.context() as patch:
        patch.setattr(registry.client, "create_model_version", fail)
        with pytest.raises(RegistryError, match="unable to open database file"):
            register_patiently(workspace, registry, name, patience=0.2)
    assert read_record(workspace, name) == []
    with pytest.raises(LineageError, match="is not registered; `rsft register` does it"):
        registered_version(workspace, registry, read_runs(workspace)[0])
    assert [v.version for v in register_pending(workspace, registry, name).versions] == [1, 2]
    statuses = {
        run.info.status for run in registry.client.search_runs([registry.experiment_id(name)])
    }
    assert statuses == {"FAILED", "FINISHED"}


def test_what_a_killed_process_left_running_in_mlflow_is_ended(
    registry: Registry, workspace: Workspace, name: str
) -> None:
    tags = {"run_id": read_runs(workspace)[0].run_id}
    cut_off = registry.client.create_run(registry.experiment_id(name), tags=tags)
    other = registry.client.create_run(registry.experiment_id(name), tags={"run_id": "other"})
    register_pending(workspace, registry, name)
    found = [registry.client.get_run(r.info.run_id).info.status for r in (cut_off, other)]
    assert found == ["KILLED", "RUNNING"]
