"""The audit: all checks, over some runs or all.

tag ─► manifest = dvc.lock ─► edges ─► settings = params.yaml ─► code = tree
  └─► objects: hashed again in the cache and the remote ─► rows ─► expectations
record ─► run's tag      MLflow ─► record, aliases, tags ─► artifact = model

A run that ends meanwhile is not called wrong: what is written last is read first.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rsft.audit.case import Case, DataSets, open_case
from rsft.audit.checkout import check_checkout, run_of_checkout
from rsft.audit.code import check_code
from rsft.audit.edges import check_edges
from rsft.audit.expectations import check_expectations
from rsft.audit.findings import AuditReport, Findings
from rsft.audit.lock import check_lock, check_marked
from rsft.audit.models import Look, Model, Proof, audit_model, entries_of, look_at
from rsft.audit.objects import check_objects, claims_of
from rsft.audit.record import check_entries, check_numbers
from rsft.audit.rows import check_rows
from rsft.audit.settings import check_settings
from rsft.audit.tags import check_spoilt, surviving
from rsft.errors import LineageError, WorkspaceError
from rsft.lineage import (
    Cache,
    RunRecord,
    Store,
    Trees,
    Workspace,
    open_cache,
    open_stores,
    read_purges,
    read_record,
    read_run,
    read_runs,
)
from rsft.registry import Registry
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
    check_spoilt(workspace, audit.findings)
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
    own = entries_of(run, read_record(workspace))
    models = [audit.look(name) for name in sorted({model} | {entry.name for entry in own})]
    runs = audit.read_runs()
    audit.audit_runs([run])
    for found in models:
        own = entries_of(run, found.record)
        check_entries(own, found.record, runs, audit.findings)
        audit.audit_model(found, run)
    if with_checkout:
        audit.audit_checkout()
    return audit.report()


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

    def look(self, name: str) -> Model:
        """What record and registry say of a model."""
        return look_at(self._workspace, name, self._open_registry, self._look, self.findings)

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
                with surviving(run.tag, self.findings):
                    check(case, findings=self.findings)
        claims = claims_of(list(self._cases.values()), self._datasets)
        check_objects(claims, self._stores, self._purges, self.findings, self._progress)

    def audit_model(self, model: Model, run: RunRecord | None = None) -> None:
        """A registered model's aliases, and its versions in MLflow: all, or those of a run."""
        proof = Proof(
            runs=self._runs,
            trees=self._trees,
            datasets=self._datasets,
            findings=self.findings,
            progress=self._progress,
        )
        audit_model(model, proof, run)

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
