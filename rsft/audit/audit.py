"""The audit: all checks, over some runs or all.

tag ─► manifest = dvc.lock ─► edges ─► settings = params.yaml ─► code = tree
  └─► objects: hashed again in the cache and the remote ─► rows ─► expectations
record ─► run's tag      MLflow ─► record, alias, tags ─► artifact = model
"""

import time
from collections.abc import Callable, Mapping, Sequence

from rsft.audit.artifact import check_artifact
from rsft.audit.case import Case, DataSets, open_case
from rsft.audit.checkout import check_checkout, run_of_checkout
from rsft.audit.code import check_code
from rsft.audit.edges import check_edges
from rsft.audit.expectations import check_expectations
from rsft.audit.findings import AuditReport, Findings
from rsft.audit.lock import check_lock, check_marked
from rsft.audit.objects import check_objects, claims_of
from rsft.audit.record import check_entries, check_numbers
from rsft.audit.registrations import (
    check_alias,
    check_provenance,
    check_versions,
    has_champion,
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
    in_service,
    is_object,
    open_cache,
    open_remote,
    read_purges,
    read_record,
    read_run,
    read_runs,
)
from rsft.registry import ModelVersion, Registry, fetch, read_versions
from rsft.types import Progress


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
    *,
    with_checkout: bool,
    progress: Progress = _silent,
) -> AuditReport:
    """Audits all runs on record, the record itself, and all of MLflow's versions.

    Args:
        workspace: A checkout that has the tags.
        model: Name of the registered model; others on record are audited too.
        open_registry: Connects to MLflow; that it cannot be reached is a finding.
        with_checkout: Whether the checkout must be as its last run left it.
        progress: Told how many objects are hashed.
    """
    audit = _Audit(workspace, open_registry, progress)
    record = read_record(workspace)
    audit.audit_runs(list(audit.on_record.values()))
    check_numbers(record, audit.findings)
    check_entries(record, record, audit.on_record, audit.findings)
    for name in sorted({model} | {entry.name for entry in record}):
        audit.audit_model(name, record)
    if with_checkout:
        audit.audit_checkout()
    return audit.report()


def audit_run(
    workspace: Workspace,
    run: RunRecord,
    model: str,
    open_registry: Callable[[], Registry],
    *,
    with_checkout: bool = False,
    progress: Progress = _silent,
) -> AuditReport:
    """Audits one run, the versions of its model, and the alias where one of them serves.

    A model that was made again is registered by its first run and judged by its latest: each of
    them answers for all that is on record of it.

    Args:
        workspace: A checkout that has the tags.
        run: The run.
        model: Name of the registered model.
        open_registry: Connects to MLflow; that it cannot be reached is a finding.
        with_checkout: Whether the checkout must be as its last run left it.
        progress: Told how many objects are hashed.
    """
    audit = _Audit(workspace, open_registry, progress)
    record = read_record(workspace)
    audit.audit_runs([run])
    own = _entries_of(run, record)
    check_entries(own, record, audit.on_record, audit.findings)
    for name in sorted({model} | {entry.name for entry in own}):
        audit.audit_model(name, record, run)
    if with_checkout:
        audit.audit_checkout()
    return audit.report()


def _entries_of(run: RunRecord, record: Sequence[Entry]) -> list[Entry]:
    """What a run wrote, and what is on record of the versions of its model."""
    made = _model_hash(run)
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
    made = _model_hash(run)
    return [
        version
        for version in versions
        if version.tags.get("run_id") == run.run_id
        or (made is not None and version.tags.get("model_md5") == made)
    ]


def _model_hash(run: RunRecord) -> str | None:
    """Hash of a run's model; None where its manifest, which may be anything, has none."""
    model = run.manifest.get("model")
    made = model.get("hash") if isinstance(model, Mapping) else None
    return made if isinstance(made, str) and is_object(made) else None


class _Audit:
    """An audit under way."""

    def __init__(
        self,
        workspace: Workspace,
        open_registry: Callable[[], Registry],
        progress: Progress,
    ) -> None:
        self.findings = Findings()
        self._started = time.perf_counter()
        self._workspace = workspace
        self._progress = progress
        self._registry = open_registry
        self._trees = Trees(workspace)
        self._stores = [open_cache(workspace), *self._remotes()]
        self._datasets = DataSets(self._stores)
        self._purges = {md5: purge for purge in read_purges(workspace) for md5 in purge.hashes}
        self._cases: dict[str, Case] = {}
        self._audited: list[str] = []
        self.on_record: Mapping[str, RunRecord] = {run.run_id: run for run in read_runs(workspace)}

    def _remotes(self) -> list[Store]:
        """The remote, where there is one that can be used."""
        try:
            remote = open_remote(self._workspace)
        except LineageError as error:
            self.findings.add(
                "object",
                "the remote",
                expected="a copy of each object",
                found=str(error),
                remedy="audit again when it can be reached",
            )
            return []
        return [] if remote is None else [remote]

    def audit_runs(self, runs: Sequence[RunRecord]) -> None:
        """All that a run's tag, the cache and the remote tell of it."""
        cache = Cache(self._workspace)
        for run in runs:
            self._audited.append(run.tag)
            case = open_case(run, self._trees, self._datasets, self.findings)
            if case is None:
                continue
            self._cases[run.tag] = case
            check_lock(case, self.findings)
            check_marked(case, self.findings)
            check_edges(case, self.findings)
            check_settings(case, self.findings)
            check_code(case, self._trees, self.findings)
            check_rows(case, cache, self.findings)
            check_expectations(case, cache, self.findings)
        claims = claims_of(list(self._cases.values()), self._datasets)
        check_objects(claims, self._stores, self._purges, self.findings, self._progress)

    def audit_model(self, name: str, record: Sequence[Entry], run: RunRecord | None = None) -> None:
        """A registered model's alias, and its versions in MLflow: all, or those of a run."""
        try:
            registry = self._registry()
            versions = read_versions(registry, name)
        except RegistryError as error:
            self.findings.add(
                "registration",
                name,
                expected="its versions in MLflow",
                found=str(error),
                remedy="audit again when it can be reached",
            )
            return
        own_record, own = record, versions
        if run is not None:
            own_record, own = _entries_of(run, record), _versions_of(run, versions)
        # Who serves is no matter of a run that does not: a challenger is proven all the same.
        if run is None or in_service(record, name) in own_record or has_champion(own):
            check_alias(name, record, versions, self.findings)
        check_versions(name, own_record, own, self.findings)
        for version in own:
            self._audit_version(registry, version)

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

    def _audit_version(self, registry: Registry, version: ModelVersion) -> None:
        run = self.on_record.get(version.tags.get("git_tag", "").removeprefix("run/"))
        check_provenance(version, run, self._trees, self.findings)
        md5 = _model_hash(run) if run else None
        if md5 is None:
            return
        try:
            made = self._datasets.files(md5)
        except LineageError:
            return  # that the list is lost is a finding of the objects
        name = f"{version.name}/{version.version}"
        try:
            policy = fetch(registry, version)
        except RegistryError as error:
            self.findings.add(
                "artifact",
                name,
                expected="the files of its model in MLflow's store",
                found=str(error),
                remedy="bring them back from a copy of the store",
            )
            return
        check_artifact(name, policy, made, self.findings, self._progress)
