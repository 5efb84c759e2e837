"""What a person may name: a version, an alias, a run or a data set. Answered from git alone."""

from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rsft.errors import ConfigurationError, LineageError
from rsft.lineage import (
    Entry,
    RunRecord,
    Workspace,
    contending,
    in_service,
    latest_runs,
    read_record,
    read_run,
    read_runs,
)
from rsft.registry import CHALLENGER, CHAMPION


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was named."""

    run: RunRecord
    """The run that made it."""
    version: Entry | None = None
    """Its registration, where a version or an alias was named."""
    dataset: str | None = None
    """Its path, where a data set was named."""


def model_name(workspace: Workspace) -> str:
    """What ``params.yaml`` calls the model, read without the rest: checking that takes longer.

    Raises:
        ConfigurationError: Where it does not say.
    """
    file = workspace.root / "params.yaml"
    try:
        return str(YAML(typ="safe").load(file)["register"]["name"])
    except (OSError, YAMLError, KeyError, TypeError):
        raise ConfigurationError(
            f"{file}: no register.name in it; restore the file with git, or name the model"
        ) from None


def name_of(run: RunRecord) -> str | None:
    """The name that a run registers its model under; None for one that another rsft tagged."""
    name = run.manifest.get("params", {}).get("register", {}).get("name")
    return name if isinstance(name, str) else None


def require_model(workspace: Workspace, name: str) -> None:
    """Refuses a name that no model has, as a mistyped one.

    Raises:
        LineageError: Where it is on no record, and no run registers its model under it.
    """
    names = {entry.name for entry in read_record(workspace)}
    if name not in names:
        names |= {found for run in read_runs(workspace) if (found := name_of(run)) is not None}
    if name not in names:
        known = ", ".join(sorted(names)) or "none"
        raise LineageError(
            f"{name!r} is no model of this checkout; there are: {known}; `git fetch --tags` brings "
            "others'"
        )


def find_subject(workspace: Workspace, text: str, model: str) -> Subject:
    """What a text names.

    Args:
        workspace: A checkout that has the tags.
        text: ``NAME@ALIAS``, ``NAME/VERSION``, ``@ALIAS``, ``/VERSION``, a run's id or tag, or a
            data set's path or hash, which is the latest run's that has it.
        model: The name where the text has none.

    Raises:
        LineageError: Where it names nothing that is recorded in this checkout.
    """
    for separator in ("@", "/"):
        name, found, which = text.rpartition(separator)
        record = read_record(workspace, name or model) if found else []
        if record:
            return _version(workspace, record, name or model, which, text)
    try:
        return Subject(run=read_run(workspace, text))
    except LineageError:
        pass
    sought = text.rstrip("/")
    for run in latest_runs(workspace, sought):
        path = _dataset(run, sought)
        if path is not None:
            return Subject(run=run, dataset=path)
    raise LineageError(
        f"{text!r} is no version, alias, run or data set that this checkout has a record of; write "
        f"{model}@{CHAMPION}, {model}/1, a run's id, or a path such as data/rounds/1/accepted"
    )


def _dataset(run: RunRecord, sought: str) -> str | None:
    """The path of the data set of a run that has a path or hash."""
    outs = [out for stage in run.manifest["stages"].values() for out in stage["outs"].items()]
    for path, out in [*outs, *run.manifest.get("inputs", {}).items()]:
        if sought in (path, out["hash"], out["hash"].removesuffix(".dir")):
            return str(path)
    return None


def _version(
    workspace: Workspace, record: list[Entry], name: str, which: str, text: str
) -> Subject:
    """The version that a number or an alias names."""
    registered = {entry.version: entry for entry in record if entry.kind == "registered"}
    serving = in_service(record, name)
    number = int(which) if which.isdecimal() else None
    if which == CHAMPION and serving is not None:
        number = serving.version
    contender = contending(record, name)
    if which == CHALLENGER and contender is not None:
        number = contender.version
    if number not in registered:
        known = ", ".join(f"{name}/{version}" for version in sorted(registered))
        raise LineageError(f"{text!r} is no version on record here; there are: {known}")
    entry = registered[number]
    return Subject(run=read_run(workspace, entry.details["run_id"]), version=entry)
