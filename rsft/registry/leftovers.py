"""What MLflow's versions name, and what of its local store no version does.

A process that is killed while it registers a model leaves a folder of that model's size: the next
one makes its own.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from rsft.registry.store import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A model that a run of ours logged and that is no version."""

    model_id: str
    """MLflow's id of it."""
    folder: Path
    """Where it lies, on this machine."""


def version_tags(registry: Registry) -> set[str]:
    """Values of the tags of all versions of all models."""
    return {value for version in _versions(registry) for value in version.tags.values()}


def find_leftovers(registry: Registry, root: Path) -> list[Leftover]:
    """Models that are no version, of runs of ours; for whoever holds the registry.

    Args:
        registry: The store.
        root: Folder of its files on this machine; what lies elsewhere is not looked at.
    """
    registered = {version.run_id for version in _versions(registry)}
    found = []
    with registry.errors():
        unregistered = [m for m in _logged(registry) if m.source_run_id not in registered]
        for model in unregistered:
            folder = _folder(model, root)
            run = registry.client.get_run(model.source_run_id)
            if folder is not None and "git_tag" in run.data.tags:
                found.append(Leftover(model_id=model.model_id, folder=folder))
    return found


def remove_leftover(registry: Registry, leftover: Leftover) -> None:
    """Removes a model that is no version, from the store and from the disk."""
    with registry.errors():
        registry.client.delete_logged_model(leftover.model_id)
        shutil.rmtree(leftover.folder)


def _versions(registry: Registry) -> list[Any]:
    with registry.errors():
        search = registry.client.search_model_versions
        return list(_pages(lambda token: search("", page_token=token)))


def _logged(registry: Registry) -> Iterator[Any]:
    client = registry.client
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return _pages(lambda token: client.search_logged_models(ids, page_token=token))


def _pages(search: Callable[[str | None], Any]) -> Iterator[Any]:
    """All that a search finds."""
    page = search(None)
    yield from page
    while page.token:
        page = search(page.token)
        yield from page


def _folder(model: Any, root: Path) -> Path | None:
    """A model's own folder below the root; null where it lies elsewhere, or behind a link."""
    address = urlparse(model.artifact_location)
    folder = Path(url2pathname(address.path)).parent
    is_own = address.scheme == "file" and folder.name == model.model_id
    is_there = folder.is_dir() and folder.resolve() == root.resolve() / "models" / model.model_id
    return folder if is_own and is_there else None
