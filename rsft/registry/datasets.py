"""The data sets of a version's run, as MLflow's inputs, and the model's figures on them.

MLflow finds runs by a data set's digest, which is DVC's hash here: ``dataset.digest = '<md5>'``.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsft.registry.records import ModelVersion
from rsft.registry.store import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set that a run made or used."""

    path: str
    """Where in the checkout."""
    md5: str
    """DVC's hash; a folder's ends in ``.dir``."""
    context: str
    """What it was for: ``training``, ``evaluation``, else the stage that made it."""
    rows: int | None
    """Its rows; null where it is no table."""
    metrics: Mapping[str, float]
    """What was measured of the model on it, by name; empty where nothing was."""


def log_datasets(
    registry: Registry, version: ModelVersion, data_sets: Sequence[DataSet], *, step: int
) -> None:
    """Records the data sets on a version's MLflow run, and links figures with model and data set.

    Args:
        registry: Where.
        version: The version.
        data_sets: Those of its run.
        step: The round that the figures are of.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

    inputs = [
        DatasetInput(
            Dataset(
                name=found.path,
                digest=found.md5,
                source_type="dvc",
                source=json.dumps({"path": found.path, "rev": version.tags["git_tag"]}),
                profile=json.dumps({} if found.rows is None else {"num_rows": found.rows}),
            ),
            [InputTag("mlflow.data.context", found.context)],
        )
        for found in data_sets
    ]
    with registry.errors():
        model = logged_model(registry, version)
        now = int(time.time() * 1000)
        linked = {"model_id": model, "run_id": version.mlflow_run_id}
        metrics = [
            Metric(
                name, value, now, step, dataset_name=found.path, dataset_digest=found.md5, **linked
            )
            for found in data_sets
            for name, value in found.metrics.items()
        ]
        registry.client.log_inputs(version.mlflow_run_id, inputs)
        registry.client.log_batch(version.mlflow_run_id, metrics=metrics)


def logged_model(registry: Registry, version: ModelVersion) -> str:
    """Id of the logged model that a version is; MLflow's record of the version does not tell it."""
    run = registry.client.get_run(version.mlflow_run_id)
    return str(run.outputs.model_outputs[0].model_id)
