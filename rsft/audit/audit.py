"""The audit: all checks, over some runs or all.

tag ─► manifest = dvc.lock ─► edges ─► settings = params.yaml ─► code = tree
  └─► objects: hashed again in the cache and the remote ─► rows ─► expectations
record ─► run's tag      MLflow ─► record, aliases, tags ─► artifact = model

A run that ends meanwhile is not called wrong: what is written last is read first.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rsft.audit.artifact import check_artifact, check_package
from rsft.audit.case import Case, DataSets, model_hash, open_case
from rsft.audit.checkout import check_checkout, run_of_checkout
from rsft.audit.code import check_code
from rsft.audit.edges import check_edges
from rsft.audit.expectations import check_expectations
from rsft.audit.findings import AuditReport, Findings
from rsft.audit.lock import check_lock, check_marked
from rsft.audit.objects import check_objects, claims_of
from rsft.audit.record import check_entries, check_numbers
from rsft.audit.registrations import (
    Difference,
    check_aliases,
    check_provenance,
    check_versions,
    has_alias,
)
from rsft.audit.rows import check_rows
from rsft.audit.settings import check_settings
from rsft.errors import LineageError, RegistryError, WorkspaceError
from rsft.lineage import (
    Cache,
    Entry,
    RunRecord,
    Store,
    Trees,
    Workspace,
    contending,
    in_service,
    open_cache,
    open_stores,
    read_purges,
    read_record,
    read_run,
    read_runs,
    spoilt_runs,
)
from rsft.registry import CHALLENGER, CHAMPION, ModelVersion, Registry, fetch_model, policy_in
from rsft.types import Progress

Look = Callable[
    [Workspace, Registry, str],
    tuple[Sequence[Entry], Sequence[ModelVersion], Sequence[Difference]],
]
"""Reads a model's record, its versions, and which of its aliases are not as the record has it, at
one moment: while nobody registers or promotes."""

_MANIFEST = "a manifest as `rsft run` writes it"
_FETCH = (
    "the tag is not what `rsft run` wrote; `git fetch --tags --force` from a sound copy brings it "
    "back"
)


def _silent(done: int, total: int, note: str = "") -> None:
    """Shows nothing."""


def latest_run(workspace: Workspace) -> RunRecord:
    """The run that a checkout's data are of, or where none has ended in it, the last on record.

    Raises:
        LineageError: Where there is no run, or the checkout's has no tag.
    """
    tag = run_of_checkout(workspace.root)
    if tag is not None:
        return read_run(workspace, tag)
    runs = read_runs(workspace)
    if not runs:
        raise LineageError(f"{workspace.root}: no run is on record; `rsft run` makes one")
    return runs[-1]


def audit_all(
    workspace: Workspace,
    model: str,
    open_registry: Callable[[], Registry],
    look: Look,
    *,
    with_checkout: bool,
    progress: Progress = _silent,
) -> AuditReport:
    """Audits all runs on record, the record itself, and all of MLflow's versions.

    Args:
        workspace: A checkout that has the tags.
        model: Name of the registered model; others on record are audited too.
        open_registry: Connects to MLflow; that it cannot be reached is a finding.
        look: Reads a model's record and registry.
        with_checkout: Whether the checkout must be as its last run left it.
        progress: Told how many objects are hashed.
    """
    audit = _Audit(workspace, open_registry, look, progress)
    names = sorted({model} | {entry.name for entry in read_record(workspace)})
    models = [audit.look(name) for name in names]
    runs = audit.read_runs()
    audit.audit_runs(list(runs.values()))
    audit.audit_spoilt()
    for found in models:
        check_numbers(found.record, audit.findings)
        check_entries(found.record, found.record, runs, audit.findings)
        audit.audit_model(found)
    if with_checkout:
        audit.audit_checkout()
    return audit.report()


def audit_run(
    workspace: Workspace,
    run: RunRecord,
    model: str,
    open_registry: Callable[[], Registry],
    look: Look,
    *,
    with_checkout: bool = False,
    progress: Progress = _silent,
) -> AuditReport:
    """Audits one run, the versions of its model, and the aliases that are theirs.

    A model that was made again is registered by its first run and judged by its latest: each of
    them answers for all that is on record of it.

    Args:
        workspace: A checkout that has the tags.
        run: The run.
        model: Name of the registered model.
        open_registry: Connects to MLflow; that it cannot be reached is a finding.
        look: Reads a model's record and registry.
        with_checkout: Whether the checkout must be as its last run left it.
        progress: Told how many objects are hashed.
    """
    audit = _Audit(workspace, open_registry, look, progress)
    own = _entries_of(run, read_record(workspace))
    models = [audit.look(name) for name in sorted({model} | {entry.name for entry in own})]
    runs = audit.read_runs()
    audit.audit_runs([run])
    for found in models:
        own = _entries_of(run, found.record)
        check_entries(own, found.record, runs, audit.findings)
        audit.audit_model(found, run)
    if with_checkout:
        audit.audit_checkout()
    return audit.report()


def _entries_of(run: RunRecord, record: Sequence[Entry]) -> list[Entry]:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
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


class _Audit:
    """An audit under way."""

    def __init__(
        self,
        workspace: Workspace,
        open_registry: Callable[[], Registry],
        look: Look,
        progress: Progress,
    ) -> None:
        self.findings = Findings()
        self._started = time.perf_counter()
        self._workspace = workspace
        self._progress = progress
        self._open_registry = open_registry
        self._look = look
        self._trees = Trees(workspace)
        self._stores = self._open_stores()
        self._datasets = DataSets(self._stores)
        self._purges = {md5: purge for purge in read_purges(workspace) for md5 in purge.hashes}
        self._cases: dict[str, Case] = {}
        self._audited: list[str] = []
        self._runs: Mapping[str, RunRecord] = {}

    def _open_stores(self) -> Sequence[Store]:
        """The cache, and the remote where there is one that can be used."""
        try:
            return open_stores(self._workspace)
        except LineageError as error:
            self.findings.add(
                "object",
                "the remote",
                expected="a copy of each object",
                found=str(error),
                remedy="audit again when it can be reached",
            )
            return [open_cache(self._workspace)]

    def look(self, name: str) -> "_Model":
        """What record and registry say of a model."""
        try:
            registry = self._open_registry()
            record, versions, differences = self._look(self._workspace, registry, name)
        except RegistryError as error:
            self.findings.add(
                "registration",
                name,
                expected="its versions in MLflow",
                found=str(error),
                remedy="audit again when it can be reached",
            )
            return _Model(name=name, record=read_record(self._workspace, name))
        return _Model(
            name=name,
            record=record,
            registry=registry,
            versions=versions,
            differences=differences,
        )

    def read_runs(self) -> Mapping[str, RunRecord]:
        """All runs by their id: after models are looked at, for a run is tagged first."""
        self._runs = {run.run_id: run for run in read_runs(self._workspace)}
        return self._runs

    def audit_runs(self, runs: Sequence[RunRecord]) -> None:
        """All that a run's tag, the cache and the remote tell of it."""
        cache = Cache(self._workspace)
        for run in runs:
            self._audited.append(run.tag)
            case = open_case(run, self._trees, self._datasets, self.findings)
            if case is None:
                continue
            self._cases[run.tag] = case
            for check in (
                check_lock,
                check_marked,
                check_edges,
                check_settings,
                partial(check_code, trees=self._trees),
                partial(check_rows, cache=cache),
                partial(check_expectations, cache=cache),
            ):
                with self._surviving(run.tag):
                    check(case, findings=self.findings)
        claims = claims_of(list(self._cases.values()), self._datasets)
        check_objects(claims, self._stores, self._purges, self.findings, self._progress)

    def audit_spoilt(self) -> None:
        """Tags of runs whose manifest is none."""
        for tag in spoilt_runs(self._workspace):
            found = "what is none"
            self.findings.add("lock", tag, expected=_MANIFEST, found=found, remedy=_FETCH)

    @contextmanager
    def _surviving(self, tag: str) -> Iterator[None]:
        """Goes on after what a tag says that no run says; others may have written it."""
        try:
            yield
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self.findings.add("lock", tag, expected=_MANIFEST, found=repr(error), remedy=_FETCH)

    def audit_model(self, model: "_Model", run: RunRecord | None = None) -> None:
        """A registered model's aliases, and its versions in MLflow: all, or those of a run."""
        if model.registry is None:
            return
        record, versions = model.record, model.versions
        if run is not None:
            record, versions = _entries_of(run, record), _versions_of(run, versions)
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
        check_aliases(model.name, aliases, model.differences, self.findings)
        check_versions(model.name, record, versions, self.findings)
        packages = {
            entry.version: entry.details.get("package_md5")
            for entry in model.record
            if entry.kind == "registered"
        }
        for version in versions:
            self._audit_version(model.registry, version, packages.get(version.version))

    def audit_checkout(self) -> None:
        """The checkout, unless a run is at work in it."""
        root = self._workspace.root
        tag = run_of_checkout(root)
        if tag is None:
            return
        try:
            with self._workspace.hold("of an audit"):
                case = self._cases.get(tag) or self._open(tag)
                if case is not None:
                    check_checkout(root, case, self._purges, self.findings, self._progress)
        except WorkspaceError as error:
            self.findings.note(
                "checkout", str(root), expected="at rest", found=str(error), remedy="audit again"
            )

    def report(self) -> AuditReport:
        """What was found."""
        return AuditReport(
            runs=self._audited,
            checked=dict(self.findings.checked),
            hashed=self.findings.hashed,
            findings=self.findings.findings,
            notes=self.findings.notes,
            seconds=time.perf_counter() - self._started,
        )

    def _open(self, tag: str) -> Case | None:
        try:
            run = read_run(self._workspace, tag)
        except LineageError as error:
            self.findings.add(
                "checkout",
                f"data/run.json, of {tag}",
                expected=f"the run's tag {tag}",
                found=str(error),
                remedy="it was deleted; `git fetch --tags` brings it back from a copy",
            )
            return None
        return open_case(run, self._trees, self._datasets, self.findings)

    def _audit_version(
        self, registry: Registry, version: ModelVersion, package: str | None
    ) -> None:
        run = self._runs.get(version.tags.get("git_tag", "").removeprefix("run/"))
        with self._surviving(version.tags.get("git_tag", "")):
            check_provenance(version, run, self._trees, self.findings)
        name = f"{version.name}/{version.version}"
        try:
            with TemporaryDirectory() as copies:
                model = fetch_model(registry, version, Path(copies))
                self._audit_model_files(name, model, run, package)
        except RegistryError as error:
            self.findings.add(
                "artifact",
                name,
                expected="the files of its model in MLflow's store",
                found=str(error),
                remedy="bring them back from a copy of the store",
            )

    def _audit_model_files(
        self, name: str, model: Path, run: RunRecord | None, package: str | None
    ) -> None:
        check_package(name, model, package, self.findings, self._progress)
        md5 = model_hash(run) if run else None
        if md5 is None:
            return
        try:
            made = self._datasets.files(md5)
        except LineageError:
            return  # that the list is lost is a finding of the objects
        check_artifact(name, policy_in(model), made, self.findings, self._progress)
