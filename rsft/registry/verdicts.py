"""The gate's verdicts, kept with the version that they speak of."""

import json
from collections.abc import Mapping
from typing import Any

from rsft.registry.records import ModelVersion
from rsft.registry.store import Registry


def keep_verdict(
    registry: Registry,
    version: ModelVersion,
    *,
    tag: str,
    number: int,
    markdown: str,
    document: Mapping[str, Any],
) -> None:
    """Keeps a report beside the version, and tags the version with what it says.

    Keeping it again replaces it: it is the same.

    Args:
        registry: Where.
        version: What was judged.
        tag: The git tag that records it.
        number: The how-many-th verdict on this version.
        markdown: The report for people.
        document: The same for programs.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    client, run_id = registry.client, version.mlflow_run_id
    place = f"verdicts/{version.version}-{number}"
    told = {
        "promotion.is_promoted": str(document["is_promoted"]).lower(),
        "promotion.reason": document["reason"],
        "promotion.verdict": tag,
    }
    with registry.errors():
        client.log_text(run_id, markdown, f"{place}.md")
        client.log_text(run_id, json.dumps(document, indent=2, ensure_ascii=False), f"{place}.json")
        for key, value in told.items():
            client.set_model_version_tag(version.name, str(version.version), key, value)
