"""Where a model's aliases point, and which entries of the record they were last moved for.

MLflow keeps no history of an alias. The record is elsewhere (``rsft.lineage.record``); the mark of
its entry, kept as a tag of the registered model, tells an alias that is yet to be moved from one
that somebody moved by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rsft.registry.records import CHALLENGER, CHAMPION
from rsft.registry.store import Registry
from rsft.registry.versions import list_versions

ALIASES = (CHAMPION, CHALLENGER)
"""Those that the record has a say in."""

_MARK = "record."
"""Begins the name of the tag with an alias's mark."""

_NO_ALIAS = "none-of-that-name"
"""An alias that nobody has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Where an alias points."""

    version: int | None
    """The version; null where it points nowhere."""
    mark: str | None
    """What it was last moved for; null where it never was, or was taken away."""


_LAST = "record.registered"
"""Tag with the highest number that a model was registered under here: what is missing up to it was
deleted, not lost with a store."""

NOWHERE = Pointer(version=None, mark=None)


def read_pointers(registry: Registry, name: str) -> Mapping[str, Pointer]:
    """Where the aliases of a model point, by alias.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    with registry.errors():
        found = registry.client.search_registered_models(f"name = '{name}'")
    versions = {alias: int(v) for model in found for alias, v in model.aliases.items()}
    marks = {key: value for model in found for key, value in model.tags.items()}
    return {
        alias: Pointer(version=versions.get(alias), mark=marks.get(f"{_MARK}{alias}"))
        for alias in ALIASES
    }


def last_registered(registry: Registry, name: str) -> int:
    """The highest number that a model was registered under in this store; 0 for none.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    with registry.errors():
        found = registry.client.search_registered_models(f"name = '{name}'")
    noted = (int(model.tags.get(_LAST, 0)) for model in found)
    return max([*noted, *list_versions(registry, name)], default=0)


def note_registered(registry: Registry, name: str, version: int) -> None:
    """Notes that number; to be called when it is on record.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    with registry.errors():
        registry.client.set_registered_model_tag(name, _LAST, str(version))


def require_promoter(registry: Registry, name: str) -> None:
    """Makes sure that the store lets this user move aliases; it changes nothing.

    Taking an alias away asks for more than setting one, so that is what is tried.

    Raises:
        RegistryError: Where it does not, or cannot be used.
    """
    with registry.errors():
        registry.client.delete_registered_model_alias(name, _NO_ALIAS)


def move_alias(registry: Registry, name: str, alias: str, to: Pointer) -> None:
    """Moves an alias, and marks it as moved: in this order, so that a crash between is seen.

    Raises:
        RegistryError: Where there is no such version, or the store cannot be used.
    """
    with registry.errors():
        if to.version is None:
            registry.client.delete_registered_model_alias(name, alias)
        else:
            registry.client.set_registered_model_alias(name, alias, str(to.version))
        if to.mark is None:
            registry.client.delete_registered_model_tag(name, f"{_MARK}{alias}")
        else:
            registry.client.set_registered_model_tag(name, f"{_MARK}{alias}", to.mark)
