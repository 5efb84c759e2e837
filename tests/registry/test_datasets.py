import json

import pytest

from rsft.registry.datasets import DataSet, log_datasets, logged_model
from rsft.registry.store import Registry

FOLDER = f"{'9' * 32}.dir"
PROMPTS = DataSet(path="data/prompts", md5=FOLDER, context="prompts", rows=None, metrics={})
EVAL = DataSet(
    path="data/prompts/eval.parquet",
    md5="e" * 32,
    context="evaluation",
    rows=400,
    metrics={"eval.accuracy": 0.7, "eval.low": 0.6},
)


@pytest.fixture
def described(registry: Registry, submit):
    version = submit("m1")
    log_datasets(registry, version, [PROMPTS, EVAL], step=2)
    return version


def test_a_run_holds_its_data_sets(registry: Registry, described) -> None:
    run = registry.client.get_run(described.mlflow_run_id)
    found = {used.dataset.name: used for used in run.inputs.dataset_inputs}
    assert found.keys() == {"data/prompts", "data/prompts/eval.parquet"}
    measured = found["data/prompts/eval.parquet"]
    assert [(tag.key, tag.value) for tag in measured.tags] == [
        ("mlflow.data.context", "evaluation")
    ]
    assert json.loads(measured.dataset.source) == {
        "path": "data/prompts/eval.parquet",
        "rev": "run/20260101-demo",
    }
    assert json.loads(measured.dataset.profile) == {"num_rows": 400}
    assert found["data/prompts"].dataset.digest == FOLDER


def test_a_run_is_found_by_a_data_set_s_hash(registry: Registry, described, name: str) -> None:
    experiment = registry.experiment_id(name)
    for digest, count in ((FOLDER, 1), ("e" * 32, 1), ("f" * 32, 0)):
        wanted = f"dataset.digest = '{digest}'"
        assert len(registry.client.search_runs([experiment], wanted)) == count


def test_a_figure_links_the_model_with_what_it_was_measured_on(
    registry: Registry, described
) -> None:
    model = registry.client.get_logged_model(logged_model(registry, described))
    linked = {found.key: found for found in model.metrics}
    assert linked.keys() == {"eval.accuracy", "eval.low"}
    accuracy = linked["eval.accuracy"]
    assert (accuracy.value, accuracy.step) == (0.7, 2)
    assert (accuracy.dataset_name, accuracy.dataset_digest) == (EVAL.path, EVAL.md5)
    assert accuracy.run_id == described.mlflow_run_id


def test_it_can_be_said_again(registry: Registry, described) -> None:
    log_datasets(registry, described, [PROMPTS, EVAL], step=2)
    run = registry.client.get_run(described.mlflow_run_id)
    assert len(run.inputs.dataset_inputs) == 2
