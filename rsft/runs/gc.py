"""Housekeeping: what nothing names any more, found, shown and freed.

Named is what a commit under a tag or a branch names (runs, the record), a version in MLflow, a
checkout's present ``dvc.lock`` and pointers, and what a run that was killed had finished. All
checkouts and the registry are held meanwhile, so no run is at work that names something next.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from rsft.audit.case import DataSets
from rsft.errors import LineageError
from rsft.lineage import (
    Cache,
    Member,
    ObjectStore,
    Workspace,
    forget_pushed,
    hold_checkouts,
    is_object,
    named_objects,
    open_stores,
    read_purged,
    read_run_cache,
    read_runs,
    with_members,
    without_dvc,
)
from rsft.registry import Registry, find_leftovers, remove_leftover, version_tags
from rsft.runs.record import hold_registry
from rsft.runs.remains import bytes_of, find_remains, remove


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """What nothing names, of one kind."""

    kind: str
    """What it is, such as ``cache``."""
    sizes: Mapping[str, int]
    """Bytes of each, by its hash or path."""
    free: Callable[[], None]
    """Removes all of them for good."""


@contextmanager
def hold_everything(workspace: Workspace) -> Iterator[None]:
    """Holds all checkouts, from DVC's own commands too, and the registry.

    Raises:
        WorkspaceError: Where a run or a command is at work.
    """
    with hold_checkouts(workspace, "gc"), without_dvc(workspace), hold_registry(workspace):
        yield


def find_unused(workspace: Workspace, registry: Registry, *, with_remote: bool) -> list[Unused]:
    """What can be freed, in the order in which it is; for whoever holds everything.

    Args:
        workspace: A checkout.
        registry: Its registry.
        with_remote: Whether to look into the remote, too.

    Raises:
        LineageError: Where it is not to be known what is named, or the cache is not this
            checkout's own.
        RegistryError: Where MLflow cannot be reached.
    """
    cache = Cache(workspace)
    _require_own(cache, workspace)
    local, *remotes = open_stores(workspace)
    kept = _named(workspace, registry, [local, *remotes])
    found = [_run_cache(cache, kept), _objects(local, kept)]
    if with_remote:
        found += [_remote(workspace, store, kept) for store in remotes]
    found += [
        Unused(kind=kind, sizes=bytes_of(paths), free=partial(remove, workspace, kind, paths))
        for kind, paths in find_remains(workspace, cache).items()
    ]
    found.append(_models(workspace, registry))
    return [unused for unused in found if unused.sizes]


def _named(workspace: Workspace, registry: Registry, stores: list[ObjectStore]) -> set[str]:
    named = named_objects(workspace) | set(filter(is_object, version_tags(registry)))
    datasets = DataSets(stores)

    def files_of(md5: str) -> list[Member]:
        return [Member(path=path, hash=md5) for path, md5 in datasets.files(md5).items()]

    return with_members(named, read_runs(workspace), read_purged(workspace), files_of)


def _require_own(cache: Cache, workspace: Workspace) -> None:
    if not cache.folder.resolve().is_relative_to(workspace.home.resolve()):
        raise LineageError(
            f"the cache {cache.folder} lies outside of {workspace.home}, where others may use it, "
            "whose runs are not known here; `dvc gc --projects` is told of them"
        )


def _run_cache(cache: Cache, kept: set[str]) -> Unused:
    """What came of stages, where an output is kept by nobody."""
    found = read_run_cache(cache)
    files = [file for file, outs in found.items() if not outs or not outs <= kept]

    def free() -> None:
        for file in files:
            file.unlink(missing_ok=True)
            with suppress(OSError):  # it has others; DVC fails over a folder that has none
                file.parent.rmdir()

    return Unused(kind="run-cache", sizes=bytes_of(files), free=free)


def _objects(store: ObjectStore, kept: set[str]) -> Unused:
    sizes = {md5: size for md5, size in store.objects().items() if md5 not in kept}
    return Unused(kind=store.name, sizes=sizes, free=partial(store.remove, sizes))


def _remote(workspace: Workspace, store: ObjectStore, kept: set[str]) -> Unused:
    found = _objects(store, kept)

    def free() -> None:
        found.free()
        forget_pushed(workspace)

    return Unused(kind=found.kind, sizes=found.sizes, free=free)


def _models(workspace: Workspace, registry: Registry) -> Unused:
    leftovers = find_leftovers(registry, workspace.home / "mlflow" / "artifacts")

    def free() -> None:
        for leftover in leftovers:
            remove_leftover(registry, leftover)

    return Unused(
        kind="unregistered models", sizes=bytes_of([each.folder for each in leftovers]), free=free
    )
