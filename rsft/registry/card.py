"""A version's card: a file beside the model, and its summary as the version's description."""

import hashlib
import tempfile
from pathlib import Path

from rsft.registry.datasets import logged_model
from rsft.registry.records import ModelVersion
from rsft.registry.store import Registry
from rsft.registry.versions import get_version

CARD_TAG = "card_sha256"
"""Tag with the SHA-256 of a version's card; set last, so it says that all of it is there."""

_FILE = "README.md"


def without_card(registry: Registry, name: str) -> list[ModelVersion]:
    """The versions of a model that have no card yet, the oldest first.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    with registry.errors():
        found = registry.client.search_model_versions(f"name = '{name}'")
    numbers = sorted(int(version.version) for version in found if CARD_TAG not in version.tags)
    return [get_version(registry, name, number) for number in numbers]


def attach_card(registry: Registry, version: ModelVersion, card: str, summary: str) -> None:
    """Puts a card beside a version's model.

    Args:
        registry: Where.
        version: The version.
        card: Markdown.
        summary: A paragraph of it, for the registry's page.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    client, number = registry.client, str(version.version)
    told = f"{summary} The whole card is {_FILE}, beside the model."
    with registry.errors(), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / _FILE
        file.write_text(card, encoding="utf-8")
        client.log_model_artifact(logged_model(registry, version), str(file))
        client.update_model_version(version.name, number, description=told)
        digest = hashlib.sha256(card.encode()).hexdigest()
        client.set_model_version_tag(version.name, number, CARD_TAG, digest)
