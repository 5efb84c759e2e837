import pytest

from rsft.errors import RegistryError
from rsft.registry.aliases import NOWHERE, Pointer, move_alias, read_pointers
from rsft.registry.store import Registry
from rsft.registry.versions import get_version


def test_a_model_that_is_not_there_points_nowhere(registry: Registry) -> None:
    assert read_pointers(registry, "none") == {"champion": NOWHERE, "challenger": NOWHERE}


def test_an_alias_is_moved_with_its_mark_and_taken_away_with_it(
    registry: Registry, submit, name: str
) -> None:
    submit("m1")
    move_alias(registry, name, "challenger", NOWHERE)
    there = Pointer(version=1, mark="rsft#champion#1")
    for _ in range(2):
        move_alias(registry, name, "champion", there)
        assert read_pointers(registry, name) == {"champion": there, "challenger": NOWHERE}
    found = get_version(registry, name, "champion")
    assert (found.version, found.aliases) == (1, ("champion",))
    for _ in range(2):
        move_alias(registry, name, "champion", NOWHERE)
        assert read_pointers(registry, name) == {"champion": NOWHERE, "challenger": NOWHERE}


def test_an_alias_moved_by_hand_keeps_its_mark(registry: Registry, submit, name: str) -> None:
    submit("m1")
    submit("m2")
    move_alias(registry, name, "challenger", Pointer(version=1, mark="a"))
    registry.client.set_registered_model_alias(name, "challenger", "2")
    assert read_pointers(registry, name)["challenger"] == Pointer(version=2, mark="a")


def test_a_version_that_is_not_there_is_an_error_and_moves_nothing(
    registry: Registry, submit, name: str
) -> None:
    submit("m1")
    with pytest.raises(RegistryError):
        move_alias(registry, name, "champion", Pointer(version=9, mark="a"))
    assert read_pointers(registry, name)["champion"] == NOWHERE
