"""The record and the registry: what is written first, and how the other follows, after any crash.

    registration   MLflow's version ─► tag NAME@vN.0.0     ─► alias challenger ─► its mark
    promotion      tag NAME#champion#K                     ─► alias champion   ─► its mark
    rollback       the same

A tag is the commit point: what was cut off after it is finished by whoever comes next, what was cut
off before it did not happen, but for a version of MLflow's that the next registration takes up. An
alias whose mark is of the record's last entry, and which points elsewhere, was moved by hand: that
is told, and undone only when told, or by the next promotion. So is one that was set, without a
mark, before anything was on record.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from filelock import FileLock

from rsft.errors import LineageError
from rsft.lineage import (
    Entry,
    RunRecord,
    Workspace,
    before_champion,
    contending,
    in_service,
    missing_entries,
    read_record,
    read_run,
    record_promotion,
    record_rollback,
)
from rsft.registry import (
    CHALLENGER,
    CHAMPION,
    NOWHERE,
    ModelVersion,
    Pointer,
    Registry,
    get_version,
    move_alias,
    read_pointers,
    read_versions,
    require_promoter,
)

Kind = Literal["unfinished", "moved by hand", "unknown entry", "not on record", "not in MLflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An alias that is not as the record has it."""

    name: str
    """The registered model."""
    alias: str
    """The alias."""
    kind: "Kind"
    """Why: the record's last entry has not reached it; somebody moved it since; it was last moved
    for an entry that is not on record here; it was set before there was an entry; or MLflow has not
    the version that it is to point at."""
    recorded: int | None
    """The version that the record has; null for none."""
    found: int | None
    """The version it points at; null for none."""
    mark: str | None
    """The entry, with its time, that it was last moved for; null for none."""

    @property
    def remedy(self) -> str:
        """Why it is so, and what to do about it."""
        if self.kind == "unfinished":
            return "a change was cut off; `rsft reconcile`, or the next run, finishes it"
        if self.kind == "moved by hand":
            return "it was moved by hand; `rsft reconcile` moves it back"
        if self.kind == "not on record":
            return (
                "it was set before the record began, and stays until a version is promoted; `rsft "
                f"promote {self.name}/{self.found}` judges it and puts it on record, where a run "
                "made it, `rsft reconcile` takes the alias away"
            )
        if self.kind == "not in MLflow":
            serve = ", `rsft promote` puts that into service" if self.alias == CHAMPION else ""
            return (
                "MLflow does not have it: `rsft register` brings back what was lost with a store; "
                "what was deleted there keeps its number, and `rsft register --again "
                f"{self.recorded}` registers its model under the next one{serve}"
            )
        return (
            f"it was last moved for {self.mark}, which is not on record here; `git fetch --tags` "
            "brings what others recorded, `rsft reconcile` goes by the record as it is"
        )

    def __str__(self) -> str:
        """The difference in one line, with what to do about it."""
        found, recorded = _shown(self.found), _shown(self.recorded)
        return f"{self.name}@{self.alias} is {found}, on record is {recorded}: {self.remedy}"


def read_model(
    workspace: Workspace, registry: Registry, name: str
) -> tuple[list[Entry], list[ModelVersion], list[Difference]]:
    """A model's record, its versions, and what of its aliases is not as the record has it.

    All of one moment: none is registered or promoted meanwhile.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    with hold_registry(workspace):
        record = read_record(workspace, name)
        return record, read_versions(registry, name), find_differences(workspace, registry, name)


def find_differences(workspace: Workspace, registry: Registry, name: str) -> list[Difference]:
    """What of a model's aliases is not as the record has it; nothing is moved.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    found = read_pointers(registry, name)
    record = read_record(workspace, name)
    known = {_mark(entry) for entry in record}
    differing = {a: wanted for a, wanted in _wanted(record, name).items() if found[a] != wanted}
    versions = [one.version for one in read_versions(registry, name)] if differing else []
    return [
        Difference(
            name=name,
            alias=alias,
            kind=_kind(found[alias], wanted, known, versions),
            recorded=wanted.version,
            found=found[alias].version,
            mark=found[alias].mark,
        )
        for alias, wanted in differing.items()
    ]


def reconcile(
    workspace: Workspace, registry: Registry, name: str, *, is_told: bool = False
) -> list[Difference]:
    """Brings a model's aliases in line with the record, as often as one likes.

    Args:
        workspace: A checkout that has the tags.
        registry: Where the aliases are.
        name: The registered model.
        is_told: Whether to move those that were moved by hand, too.

    Returns:
        What was different before.

    Raises:
        LineageError: Where told, and MLflow has not the version that an alias is to point at; the
            other is moved.
        RegistryError: Where the store cannot be used.
    """
    with hold_registry(workspace):
        differences = follow_record(workspace, registry, name, is_told=is_told)
    for difference in differences:
        if is_told and difference.kind == "not in MLflow":
            raise LineageError(str(difference))
    return differences


def promote(
    workspace: Workspace,
    registry: Registry,
    *,
    name: str,
    version: int,
    run: RunRecord,
    details: Mapping[str, Any],
) -> Entry:
    """Makes a version the champion: on record first, then in the registry.

    Args:
        workspace: A checkout that has the tags.
        registry: Where the aliases are.
        name: The registered model.
        version: The challenger.
        run: The run whose model it is.
        details: As ``rsft.lineage.Entry`` says.

    Raises:
        LineageError: Where another champion serves by now than it was compared with, or the
            registry knows of a change that is not on record here.
        RegistryError: Where the store has no such version, does not let this user change its
            aliases, or cannot be used.
    """
    with hold_registry(workspace):
        require_promoter(registry, name)
        _require_whole(find_differences(workspace, registry, name))
        get_version(registry, name, version)
        entry = record_promotion(workspace, name=name, version=version, run=run, details=details)
        follow_record(workspace, registry, name, is_told=True)
    return entry


def roll_back(workspace: Workspace, registry: Registry, name: str, reason: str) -> Entry:
    """Puts into service again what served before the present champion was promoted.

    A rollback that was cut off is finished, and goes back no further.

    Args:
        workspace: A checkout that has the tags.
        registry: Where the aliases are.
        name: The registered model.
        reason: Why, for the record.

    Raises:
        LineageError: Where nothing served before, or the registry knows of a change that is not on
            record here.
        RegistryError: Where the store has that version no more, does not let this user change its
            aliases, or cannot be used.
    """
    with hold_registry(workspace):
        require_promoter(registry, name)
        differences = find_differences(workspace, registry, name)
        _require_whole(differences)
        record = read_record(workspace, name)
        entry = in_service(record, name)
        cut_off = (CHAMPION, "unfinished") in {(d.alias, d.kind) for d in differences}
        if entry is None or entry.kind != "rolled_back" or not cut_off:
            entry = _go_back(workspace, registry, name, record, reason)
        follow_record(workspace, registry, name, is_told=True)
    return entry


def require_champion(
    workspace: Workspace, registry: Registry, name: str, version: int | None
) -> None:
    """Refuses to go by a record that is not whole, or has another champion by now.

    Args:
        workspace: A checkout that has the tags.
        registry: Where the aliases are.
        name: The registered model.
        version: The champion that was gone by; null for none.

    Raises:
        LineageError: Where that is so.
        RegistryError: Where the store cannot be used.
    """
    _require_whole(find_differences(workspace, registry, name))
    serving = in_service(read_record(workspace, name), name)
    now = None if serving is None else serving.version
    if now != version:
        raise LineageError(
            f"{name}: it was judged against {_shown(version)}, but in service is {_shown(now)} by "
            "now; judge again"
        )


@contextmanager
def hold_registry(workspace: Workspace) -> Iterator[None]:
    """One at a time among a checkout's worktrees changes the record and the registry.

    Who holds it already may take it again.
    """
    folder = workspace.home / ".rsft"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "registry.lock", is_singleton=True):
        yield


def follow_record(
    workspace: Workspace, registry: Registry, name: str, *, is_told: bool = False
) -> list[Difference]:
    """As ``reconcile``, for those who hold the registry; what MLflow has not is left."""
    differences = find_differences(workspace, registry, name)
    wanted = _wanted(read_record(workspace, name), name)
    for difference in differences:
        is_there = difference.kind != "not in MLflow"
        if difference.kind == "unfinished" or (is_told and is_there):
            move_alias(registry, name, difference.alias, wanted[difference.alias])
    return differences


def _go_back(
    workspace: Workspace, registry: Registry, name: str, record: Sequence[Entry], reason: str
) -> Entry:
    serving, version = in_service(record, name), before_champion(record, name)
    if serving is None or version is None:
        raise LineageError(_nothing_before(record, name, serving))
    get_version(registry, name, version)
    registered = (e for e in record if e.kind == "registered" and e.version == version)
    run = next((read_run(workspace, e.details["run_id"]) for e in registered), None)
    if run is None:
        raise LineageError(
            f"{name} version {version} served before, but its registration {name}@v{version}.0.0 "
            "is not on record here; `git fetch --tags` brings it where others have it"
        )
    details = {"reason": reason, "against": serving.version}
    return record_rollback(workspace, name=name, version=version, run=run, details=details)


def _nothing_before(record: Sequence[Entry], name: str, serving: Entry | None) -> str:
    """Why there is nothing to go back to, in one line."""
    missing = [tag for tag in missing_entries(record, name) if "#champion#" in tag]
    if missing:
        return (
            f"{name}: what served before is not known, since {', '.join(missing)} is missing; "
            "`git fetch --tags` brings it where others have it"
        )
    first = "no champion" if serving is None else f"version {serving.version}, the first one"
    return f"{name} has {first} on record; there is nothing to go back to"


def _require_whole(differences: Sequence[Difference]) -> None:
    """Refuses to go by a record that lacks what the registry was last moved for."""
    for difference in differences:
        if difference.alias == CHAMPION and difference.kind == "unknown entry":
            raise LineageError(str(difference))


def _wanted(record: Sequence[Entry], name: str) -> dict[str, Pointer]:
    entries = {CHAMPION: in_service(record, name), CHALLENGER: contending(record, name)}
    return {
        alias: NOWHERE if entry is None else Pointer(version=entry.version, mark=_mark(entry))
        for alias, entry in entries.items()
    }


def _mark(entry: Entry) -> str:
    """Names an entry; with its time, since a tag that was deleted may be written again."""
    return f"{entry.tag} {entry.at}"


def _kind(
    found: Pointer, wanted: Pointer, known: Collection[str], versions: Collection[int]
) -> Kind:
    if found.mark is not None and found.mark not in known:
        return "unknown entry"
    if wanted.version not in (None, *versions):
        return "not in MLflow"
    if found.mark != wanted.mark:
        return "unfinished"
    return "not on record" if wanted == NOWHERE else "moved by hand"


def _shown(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"
