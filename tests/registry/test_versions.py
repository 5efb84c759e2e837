import json
from pathlib import Path

import pytest

from rsft.errors import RegistryError
from rsft.registry.store import Registry
from rsft.registry.versions import fetch, find_same, get_version


def test_a_version_is_found_by_number_and_by_alias(registry: Registry, submit, name: str) -> None:
    version = submit("m1")
    assert get_version(registry, name, 1) == version
    assert get_version(registry, name, "1") == version
    assert get_version(registry, name, "challenger") == version
    assert find_same(registry, name, "m1") == version
    assert find_same(registry, name, "m2") is None


def test_an_unknown_version_is_told_what_there_is(registry: Registry, submit, name: str) -> None:
    submit("m1")
    known = f"there are: {name}/1, {name}@challenger"
    for wanted, shown in ((9, f"{name}/9"), ("champion", f"{name}@champion")):
        with pytest.raises(RegistryError) as failure:
            get_version(registry, name, wanted)
        assert str(failure.value).startswith(shown)
        assert str(failure.value).endswith(known)


def test_a_local_version_is_fetched_without_a_copy(registry: Registry, submit) -> None:
    version = submit("m1")
    folder = fetch(registry, version)
    assert json.loads((folder / "config.json").read_text()) == {"model_type": "t5"}
    store = Path(registry.tracking_uri.removeprefix("sqlite:///")).parent
    assert folder.is_relative_to(store)
