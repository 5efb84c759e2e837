"""The model registry: the only part that knows MLflow.

A ``Registry`` is a connection, which the functions work on. MLflow takes seconds to import, so it
is imported when a connection is opened, never before.
"""

from rsft.registry.card import attach_card, without_card
from rsft.registry.datasets import DataSet, log_datasets
from rsft.registry.promoting import promote
from rsft.registry.records import (
    CHALLENGER,
    CHAMPION,
    Decision,
    Evaluation,
    ModelVersion,
    Provenance,
    Serving,
)
from rsft.registry.registering import register
from rsft.registry.store import Registry
from rsft.registry.versions import (
    EVAL_PROMPTS_TAG,
    champion,
    fetch,
    fetch_answers,
    find_same,
    find_version,
    get_version,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "EVAL_PROMPTS_TAG",
    "DataSet",
    "Decision",
    "Evaluation",
    "ModelVersion",
    "Provenance",
    "Registry",
    "Serving",
    "attach_card",
    "champion",
    "fetch",
    "fetch_answers",
    "find_same",
    "find_version",
    "get_version",
    "log_datasets",
    "promote",
    "register",
    "without_card",
]
