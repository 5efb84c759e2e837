"""Registering a policy: one MLflow run with what was measured, one model version with its origin.

MLflow's fluent functions keep the active run per thread; here the run's id is passed around.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rsft.registry.package import write_model
from rsft.registry.records import (
    Evaluation,
    ModelVersion,
    Provenance,
    Serving,
)
from rsft.registry.store import Registry
from rsft.registry.versions import (
    ANSWERS_TAG,
    EVAL_PROMPTS_TAG,
    PACKAGE_TAG,
    find_same,
    get_version,
)
from rsft.types import SourceFigures

_LONGEST_TAG = 500
"""Characters of a tag's value; a longer list is cut there."""


def register(
    registry: Registry,
    *,
    name: str,
    policy: Path,
    provenance: Provenance,
    params: Mapping[str, Any],
    evaluation: Evaluation,
    serving: Serving,
    taken: Container[int] = (),
) -> ModelVersion:
    """Registers a policy; which alias points at it is for the record to say.

    Args:
        registry: Where.
        name: Of the registered model, and of the experiment its runs are listed in.
        policy: Its Hugging Face folder.
        provenance: Where it came from.
        params: The settings it was made with; sections may be nested.
        evaluation: What was measured.
        serving: How it answers.
        taken: Numbers that are not to be given: the record has them as other models'.

    Returns:
        The new version; where the same model is registered already, that version.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    with registry.errors():
        _end_cut_off(registry, name, provenance.run_id, taken)
    version = find_same(registry, name, provenance.model_md5)
    if version is not None:
        return version
    with registry.errors(), _run(registry, name, provenance) as run_id:
        _log(registry.client, run_id, params, evaluation, provenance)
        model, package = _log_model(registry, name, run_id, policy, serving, evaluation)
        create = partial(
            _create_version, registry.client, name, model, provenance, evaluation, package
        )
        while (number := create()) in taken:
            # No number is given twice, so a deleted version's is passed by for good.
            registry.client.delete_model_version(name, str(number))
    return get_version(registry, name, number)


def _end_cut_off(registry: Registry, name: str, run_id: str, taken: Container[int]) -> None:
    """Ends what a process that was killed while it registered the same run left as running."""
    client, experiment = registry.client, registry.experiment_id(name)
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        if run.data.tags.get("run_id") != run_id:
            continue
        for version in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
            if int(version.version) in taken:
                client.delete_model_version(name, version.version)
        client.set_terminated(run.info.run_id, status="KILLED")


@contextmanager
def _run(registry: Registry, name: str, provenance: Provenance) -> Iterator[str]:
    """A run of MLflow's, marked as failed where its body fails."""
    run = registry.client.create_run(
        registry.experiment_id(name),
        run_name=provenance.run_id,
        tags={**_tags(provenance), "mlflow.source.git.commit": provenance.git_commit},
    )
    try:
        yield run.info.run_id
    except BaseException:
        registry.client.set_terminated(run.info.run_id, status="FAILED")
        raise
    registry.client.set_terminated(run.info.run_id)


def _log(
    client: Any,
    run_id: str,
    params: Mapping[str, Any],
    evaluation: Evaluation,
    provenance: Provenance,
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    metrics = [
        Metric(metric, value, now, number)
        for number, values in evaluation.metrics.items()
        for metric, value in values.items()
    ]
    flat = [Param(key, str(value)) for key, value in _flatten(params)]
    client.log_batch(run_id, metrics=metrics, params=flat)
    client.log_artifact(run_id, str(evaluation.answers), "evaluation")
    sources = [asdict(figures) for figures in provenance.sources]
    client.log_dict(run_id, {"sources": sources}, "training_data.json")


def _log_model(
    registry: Registry,
    name: str,
    run_id: str,
    policy: Path,
    serving: Serving,
    evaluation: Evaluation,
) -> tuple[Any, str]:
    """MLflow's logged model, and the hash of the list of its files."""
    from mlflow.entities import LoggedModelOutput

    client = registry.client
    model = client.create_logged_model(registry.experiment_id(name), name, source_run_id=run_id)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        package = write_model(
            folder, policy=policy, serving=serving, model_id=model.model_id, run_id=run_id
        )
        client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    step = max(evaluation.metrics)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step)])
    return model, package


def _create_version(
    client: Any,
    name: str,
    model: Any,
    provenance: Provenance,
    evaluation: Evaluation,
    package: str,
) -> int:
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    version = client.create_model_version(
        name,
        model.artifact_location,  # `models:/<id>` would be looked up in the process's default store
        model.source_run_id,
        model_id=model.model_id,
        tags={
            **_tags(provenance),
            ANSWERS_TAG: f"evaluation/{evaluation.answers.name}",
            EVAL_PROMPTS_TAG: evaluation.prompts_md5,
            PACKAGE_TAG: package,
        },
    )
    return int(version.version)


def _tags(provenance: Provenance) -> dict[str, str]:
    tags = {
        "run_id": provenance.run_id,
        "git_tag": provenance.git_tag,
        "git_commit": provenance.git_commit,
        "dvc_lock_sha256": provenance.dvc_lock_sha256,
        "model_md5": provenance.model_md5,
        "seed": str(provenance.seed),
    }
    if provenance.flow_run_id is not None:
        tags["flow_run_id"] = provenance.flow_run_id
    tags |= _training_tags(provenance.sources)
    return tags | {f"md5:{path}": md5 for path, md5 in provenance.dataset_hashes.items()}


def _training_tags(sources: Sequence[SourceFigures]) -> dict[str, str]:
    """What a model was trained on, for people and searches; whole in ``training_data.json``."""
    by_licence: dict[str, list[SourceFigures]] = defaultdict(list)
    for figures in sources:
        by_licence[figures.licence].append(figures)
    licences = {
        licence: f"rows {sum(f.rows for f in found)}, prompts {sum(f.prompts for f in found)}"
        for licence, found in sorted(by_licence.items())
    }
    named = {
        f"{f.source} ({f.licence})": f"rows {f.rows}, prompts {f.prompts}, families {f.families}"
        for f in sources
    }
    return {"training_licences": _listed(licences), "training_sources": _listed(named)}


def _listed(values: Mapping[str, str]) -> str:
    text = "; ".join(f"{name}: {value}" for name, value in values.items())
    return text if len(text) <= _LONGEST_TAG else f"{text[: _LONGEST_TAG - 1]}…"


def _flatten(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
