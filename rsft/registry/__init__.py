"""The model registry: the only part that knows MLflow.

A ``Registry`` is a connection, which the functions work on. MLflow takes seconds to import, so it
is imported when a connection is opened, never before.
"""

from rsft.registry.aliases import (
    NOWHERE,
    Pointer,
    last_registered,
    move_alias,
    note_registered,
    read_pointers,
    require_promoter,
)
from rsft.registry.card import attach_card, without_card
from rsft.registry.datasets import DataSet, log_datasets
from rsft.registry.leftovers import Leftover, find_leftovers, remove_leftover, version_tags
from rsft.registry.package import PACKAGE_FILES, package_files, policy_in, serving_in
from rsft.registry.records import (
    CHALLENGER,
    CHAMPION,
    Evaluation,
    ModelVersion,
    Provenance,
    Serving,
)
from rsft.registry.registering import register
from rsft.registry.store import Registry
from rsft.registry.verdicts import keep_verdict
from rsft.registry.versions import (
    EVAL_PROMPTS_TAG,
    PACKAGE_TAG,
    fetch,
    fetch_model,
    find_same,
    find_version,
    get_version,
    list_versions,
    read_versions,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "EVAL_PROMPTS_TAG",
    "NOWHERE",
    "PACKAGE_FILES",
    "PACKAGE_TAG",
    "DataSet",
    "Evaluation",
    "Leftover",
    "ModelVersion",
    "Pointer",
    "Provenance",
    "Registry",
    "Serving",
    "attach_card",
    "fetch",
    "fetch_model",
    "find_leftovers",
    "find_same",
    "find_version",
    "get_version",
    "keep_verdict",
    "last_registered",
    "list_versions",
    "log_datasets",
    "move_alias",
    "note_registered",
    "package_files",
    "policy_in",
    "read_pointers",
    "read_versions",
    "register",
    "remove_leftover",
    "require_promoter",
    "serving_in",
    "version_tags",
    "without_card",
]
