"""What a killed registration leaves in the store goes; versions, and others' models, stay."""

from pathlib import Path

import pytest

from rsft.registry.leftovers import find_leftovers, remove_leftover, version_tags
from rsft.registry.store import Registry
from rsft.registry.versions import fetch_model


def test_a_model_that_a_killed_registration_left_goes(
    registry: Registry, submit, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = Path(registry.tracking_uri.removeprefix("sqlite:///")).parent / "artifacts"
    version = submit("m1")
    monkeypatch.setattr("rsft.registry.registering._create_version", _killed)
    with pytest.raises(KeyboardInterrupt):
        submit("cut-off")
    experiment = registry.experiment_id(name)
    theirs = registry.client.create_run(experiment)
    registry.client.create_logged_model(experiment, "mine", source_run_id=theirs.info.run_id)
    (leftover,) = find_leftovers(registry, root)
    assert leftover.folder.is_dir()
    assert find_leftovers(registry, tmp_path) == []
    remove_leftover(registry, leftover)
    assert not leftover.folder.exists()
    assert find_leftovers(registry, root) == []
    assert fetch_model(registry, version).is_dir()
    assert {"m1", "20260101-demo"} <= version_tags(registry)
    assert "cut-off" not in version_tags(registry)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
