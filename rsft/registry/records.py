"""What goes into the registry and comes out of it, without MLflow's own types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsft.types import SourceFigures

CHALLENGER = "challenger"
"""Alias of the version that contends."""
CHAMPION = "champion"
"""Alias of the version in service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a model came from: enough to find every row that it was trained on."""

    run_id: str
    """The retraining run."""
    git_tag: str
    """The tag that pins the run's code, settings and ``dvc.lock``."""
    git_commit: str
    """The commit the tag points at."""
    dvc_lock_sha256: str
    """SHA-256 of the ``dvc.lock`` in that commit."""
    dataset_hashes: Mapping[str, str]
    """DVC's hash by path of each data set."""
    sources: Sequence[SourceFigures]
    """What it was trained on, by source and licence."""
    model_md5: str
    """DVC's hash of the model folder: models are the same if and only if it is."""
    seed: int
    """Root of the run's randomness."""
    flow_run_id: str | None
    """Id of the Prefect flow run; null for a run without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a registered policy answers."""

    max_new_tokens: int
    """Cap on an answer's tokens."""
    is_worked: bool
    """Whether completions are worked solutions, whose result is the answer."""
    answer_marker: str | None
    """For other completions: the answer is what follows the last such marker; null: all of it."""
    example: str
    """A question, shown to whoever loads the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was measured of a model, and of the rounds that led to it."""

    metrics: Mapping[int, Mapping[str, float]]
    """Value by name of each metric, by round; 0 is the base."""
    answers: Path
    """Parquet file of its answers to the evaluation prompts."""
    prompts_md5: str
    """Hash of those prompts and of who judged: answers under the same can be compared in pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A registered version of a model."""

    name: str
    """Name of the registered model."""
    version: int
    """Its number, from 1."""
    aliases: tuple[str, ...]
    """The aliases that point at it, sorted."""
    tags: Mapping[str, str]
    """Its provenance, what was decided about it, and where its answers are."""
    mlflow_run_id: str
    """MLflow's run that holds its parameters, metrics and answers."""
