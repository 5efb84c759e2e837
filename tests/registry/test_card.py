import hashlib
from pathlib import Path

import pytest

from rsft.errors import RegistryError
from rsft.registry.card import CARD_TAG, attach_card, without_card
from rsft.registry.datasets import logged_model
from rsft.registry.package import policy_in
from rsft.registry.store import Registry
from rsft.registry.versions import fetch, get_version

CARD = "# policy – ü\n"


def test_a_card_lies_beside_the_model_and_is_told_on_its_page(
    registry: Registry, submit, name: str, tmp_path: Path
) -> None:
    version = submit("m1")
    attach_card(registry, version, CARD, "A policy.")
    model = logged_model(registry, version)
    assert "README.md" in [f.path for f in registry.client.list_logged_model_artifacts(model)]
    folder = fetch(registry, version).parents[1]
    assert (folder / "README.md").read_text() == CARD
    assert policy_in(folder) == fetch(registry, version)
    found = registry.client.get_model_version(name, "1")
    assert found.description == "A policy. The whole card is README.md, beside the model."
    digest = hashlib.sha256(CARD.encode()).hexdigest()
    assert get_version(registry, name, 1).tags[CARD_TAG] == digest


def test_a_card_that_was_cut_off_is_not_said_to_be_there(
    registry: Registry, submit, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("away")

    version = submit("m1")
    with monkeypatch.context() as patch:
        patch.setattr(registry.client, "log_model_artifact", fail)
        with pytest.raises(RegistryError, match="away"):
            attach_card(registry, version, CARD, "A policy.")
    assert [found.version for found in without_card(registry, name)] == [1]
    submit("m2")
    attach_card(registry, version, CARD, "A policy.")
    assert [found.version for found in without_card(registry, name)] == [2]
