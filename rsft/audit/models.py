"""A registered model: what record and registry say of it, and whether that is so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rsft.audit.artifact import check_artifact, check_package
from rsft.audit.case import DataSets, model_hash
from rsft.audit.findings import Findings
from rsft.audit.registrations import (
    Difference,
    check_aliases,
    check_provenance,
    check_versions,
    has_alias,
)
from rsft.audit.tags import surviving
from rsft.errors import LineageError, RegistryError
from rsft.lineage import (
    Entry,
    RunRecord,
    Trees,
    Workspace,
    contending,
    in_service,
    read_record,
)
from rsft.registry import CHALLENGER, CHAMPION, ModelVersion, Registry, fetch_model, policy_in
from rsft.types import Progress

Look = Callable[
    [Workspace, Registry, str],
    tuple[Sequence[Entry], Sequence[ModelVersion], Sequence[Difference]],
]
"""Reads a model's record, its versions, and which of its aliases are not as the record has it, at
one moment: while nobody registers or promotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What record and registry say of a model, at one moment."""

    name: str
    """The registered model."""
    record: Sequence[Entry]
    """The entries of it."""
    registry: Registry | None = None
    """MLflow; null where it cannot be reached."""
    versions: Sequence[ModelVersion] = ()
    """Its versions there."""
    differences: Sequence[Difference] = ()
    """Its aliases there that are not as the record has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a model is held against, and where it is told."""

    runs: Mapping[str, RunRecord]
    """All runs by their id."""
    trees: Trees
    """Of their tags."""
    datasets: DataSets
    """What they made."""
    findings: Findings
    """What differs."""
    progress: Progress
    """Told how many files are hashed."""


def look_at(
    workspace: Workspace,
    name: str,
    open_registry: Callable[[], Registry],
    look: Look,
    findings: Findings,
) -> Model:
    """What record and registry say of a model; that MLflow cannot be reached is a finding."""
    try:
        registry = open_registry()
        record, versions, differences = look(workspace, registry, name)
    except RegistryError as error:
        findings.add(
            "registration",
            name,
            expected="its versions in MLflow",
            found=str(error),
            remedy="audit again when it can be reached",
        )
        return Model(name=name, record=read_record(workspace, name))
    return Model(
        name=name,
        record=record,
        registry=registry,
        versions=versions,
        differences=differences,
    )


def audit_model(model: Model, proof: Proof, run: RunRecord | None = None) -> None:
    """A registered model's aliases, and its versions in MLflow: all, or those of a run."""
    if model.registry is None:
        return
    record, versions = model.record, model.versions
    if run is not None:
        record, versions = entries_of(run, record), _versions_of(run, versions)
    named = {
        CHAMPION: in_service(model.record, model.name),
        CHALLENGER: contending(model.record, model.name),
    }
    # Who else serves is no matter of a run: a challenger is proven all the same.
    aliases = [
        alias
        for alias, entry in named.items()
        if run is None or entry in record or has_alias(versions, alias)
    ]
    check_aliases(model.name, aliases, model.differences, proof.findings)
    check_versions(model.name, record, versions, proof.findings)
    registered = {e.version: e for e in model.record if e.kind == "registered"}
    for version in versions:
        _audit_version(model.registry, version, registered.get(version.version), proof)


def entries_of(run: RunRecord, record: Sequence[Entry]) -> list[Entry]:
    """What a run wrote, and what is on record of the versions of its model."""
    made = model_hash(run)
    of_model = {
        (entry.name, entry.version)
        for entry in record
        if made is not None and entry.details.get("model_hash") == made
    }
    return [
        entry
        for entry in record
        if entry.details.get("run_id") == run.run_id or (entry.name, entry.version) in of_model
    ]


def _versions_of(run: RunRecord, versions: Sequence[ModelVersion]) -> list[ModelVersion]:
    """The versions that a run, or another with the same model, made."""
    made = model_hash(run)
    return [
        version
        for version in versions
        if version.tags.get("run_id") == run.run_id
        or (made is not None and version.tags.get("model_md5") == made)
    ]


def _audit_version(
    registry: Registry, version: ModelVersion, entry: Entry | None, proof: Proof
) -> None:
    run = proof.runs.get(version.tags.get("git_tag", "").removeprefix("run/"))
    with surviving(version.tags.get("git_tag", ""), proof.findings):
        check_provenance(version, run, proof.trees, proof.findings)
    name = f"{version.name}/{version.version}"
    try:
        with TemporaryDirectory() as copies:
            model = fetch_model(registry, version, Path(copies))
            _audit_files(name, model, run, entry, proof)
    except RegistryError as error:
        proof.findings.add(
            "artifact",
            name,
            expected="the files of its model in MLflow's store",
            found=str(error),
            remedy="bring them back from a copy of the store",
        )


def _audit_files(
    name: str, model: Path, run: RunRecord | None, entry: Entry | None, proof: Proof
) -> None:
    if entry is not None:  # that it is not on record is told; nothing is known of its package then
        package = entry.details.get("package_md5")
        check_package(name, model, package, proof.findings, proof.progress)
    md5 = model_hash(run) if run else None
    if md5 is None:
        return
    try:
        made = proof.datasets.files(md5)
    except LineageError:
        return  # that the list is lost is a finding of the objects
    check_artifact(name, policy_in(model), made, proof.findings, proof.progress)
