"""From a named version to a verdict that is kept, and to a champion where it is *yes*.

    judge ─► tag verdict/… ─► MLflow: report and tags ─► tag NAME#champion#K ─► alias

The tags come first: whatever is killed in between, the same again completes it, and counts no look
twice. Judgements of one checkout follow each other, so that each knows which look it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from filelock import FileLock

from rsft.errors import LineageError
from rsft.lineage import (
    Entry,
    RunRecord,
    Workspace,
    contending,
    in_service,
    latest_runs,
    read_record,
    read_run,
    record_verdict,
)
from rsft.promotion.anew import answer_anew
from rsft.promotion.checks import Audit, check_run
from rsft.promotion.exam import (
    Answers,
    Exam,
    answers_on_record,
    base_answers,
    own_answers,
    read_exam,
    read_policy,
)
from rsft.promotion.form import has_made
from rsft.promotion.gate import judge
from rsft.promotion.looks import count_looks, digest_judgement
from rsft.promotion.verdict import Approval, Verdict
from rsft.registry import Registry, get_version, keep_verdict, list_versions, require_promoter
from rsft.report.verdict import verdict_markdown
from rsft.runs.record import hold_registry, promote, reconcile, require_champion
from rsft.runs.subjects import find_subject

_OF_THE_TAG = ("name", "version", "run_id")
"""What an entry of the record says by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict that is kept."""

    verdict: Verdict
    """What it says."""
    tag: str
    """The git tag that keeps it."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.verdict.as_dict(), "tag": self.tag}


def promote_version(
    workspace: Workspace,
    registry: Registry,
    model: str,
    text: str | None,
    *,
    audit: Audit,
    approval: Approval | None = None,
) -> Judged | None:
    """Judges a version, keeps the verdict, and makes it the champion where that says so.

    Args:
        workspace: The checkout that has its tags and its data sets.
        registry: Where it is registered.
        model: The registered model, where the text does not name it.
        text: ``NAME/VERSION``, ``NAME@ALIAS`` or a number; null for the one that contends.
        audit: Proves its run.
        approval: What a person said of it.

    Returns:
        The verdict; None where there is nothing to judge, as the version serves already, is the
        champion's model that was registered again, or none contends.

    Raises:
        LineageError: Where no such version is on record, or its data sets are gone.
        RegistryError: Where the registry does not let this user promote, or cannot be used.
    """
    folder = workspace.home / ".rsft"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "promotion.lock"):
        record = read_record(workspace)
        entry = named_version(workspace, model, text)
        serving = in_service(record, entry.name if entry else model)
        if entry is None or (serving is not None and serving.version == entry.version):
            if serving is not None:
                reconcile(workspace, registry, serving.name)
            return None
        require_promoter(registry, entry.name)  # before a look is counted
        run = _vouching(workspace, entry)
        if serving is not None and _stands_in(registry, record, entry, serving):
            reason = f"the model of version {serving.version}, which MLflow has no more"
            why = {"reason": reason, "against": serving.version, "approved_by": None}
            of: dict[str, Any] = {"name": entry.name, "version": entry.version, "run": run}
            promote(workspace, registry, **of, details=why)
            return None
        verdict = _judge(workspace, registry, record, entry, serving, run, audit, approval)
        return _keep(workspace, registry, run, verdict)


def has_served(workspace: Workspace, name: str, version: int) -> bool:
    """Whether a version is, or has been, in service: what was rolled back is left to a person."""
    changes = ("promoted", "rolled_back")
    record = read_record(workspace, name)
    return any(entry.version == version for entry in record if entry.kind in changes)


def named_version(workspace: Workspace, model: str, text: str | None) -> Entry | None:
    """The registration that a text means, as ``promote_version``; None where none contends.

    Raises:
        LineageError: Where no such version is on record.
    """
    if text is None:
        return contending(read_record(workspace, model), model)
    subject = find_subject(workspace, f"/{text}" if text.isdecimal() else text, model)
    if subject.version is None:
        raise LineageError(f"{text!r} names no version; write {model}/1 or {model}@challenger")
    return subject.version


def _stands_in(registry: Registry, record: Sequence[Entry], entry: Entry, serving: Entry) -> bool:
    """Whether a version is the champion's model, registered again since MLflow lost its version."""
    is_same = entry.details["model_hash"] == _registered_hash(record, serving)
    return is_same and serving.version not in list_versions(registry, serving.name)


def _vouching(workspace: Workspace, entry: Entry) -> RunRecord:
    """The latest run that made a version's model: it may have been made again since."""
    model_hash = entry.details["model_hash"]
    same = (run for run in latest_runs(workspace, model_hash) if has_made(run, model_hash))
    return next(same, None) or read_run(workspace, entry.details["run_id"])


def _judge(
    workspace: Workspace,
    registry: Registry,
    record: Sequence[Entry],
    entry: Entry,
    serving: Entry | None,
    run: RunRecord,
    audit: Audit,
    approval: Approval | None,
) -> Verdict:
    exam, policy = read_exam(workspace, run), read_policy(workspace, run)
    against = None if serving is None else serving.version
    ours = own_answers(workspace, run)
    theirs = _their_answers(workspace, registry, record, serving, exam)
    comparison = (entry.name, entry.version, against)
    judgement = digest_judgement(exam, ours, theirs, policy, comparison)
    return judge(
        exam,
        ours,
        theirs,
        name=entry.name,
        version=entry.version,
        against=against,
        policy=policy,
        judgement=judgement,
        looks=count_looks(workspace, record, exam, judgement),
        run_checks=list(check_run(run, audit)),
        approval=approval,
    )


def _their_answers(
    workspace: Workspace,
    registry: Registry,
    record: Sequence[Entry],
    serving: Entry | None,
    exam: Exam,
) -> Answers:
    """The champion's answers to an exam, recorded or new; the base's where there is none."""
    if serving is None:
        return base_answers(workspace, exam.run)
    model_hash = _registered_hash(record, serving)
    found = answers_on_record(workspace, model_hash, exam)
    if found is not None:
        return found
    version = get_version(registry, serving.name, serving.version)
    return answer_anew(workspace, registry, version, model_hash, exam)


def _registered_hash(record: Sequence[Entry], serving: Entry) -> str:
    """The hash that a champion's model is on record with.

    Raises:
        LineageError: Where it is not on record.
    """
    for entry in record:
        is_its = (entry.name, entry.version) == (serving.name, serving.version)
        if entry.kind == "registered" and is_its:
            return str(entry.details["model_hash"])
    raise LineageError(
        f"{serving.name} version {serving.version} serves, but its registration "
        f"{serving.name}@v{serving.version}.0.0 is not on record here; `git fetch --tags` brings "
        "it where others have it"
    )


def _keep(workspace: Workspace, registry: Registry, run: RunRecord, verdict: Verdict) -> Judged:
    """Keeps a verdict, and does what it says; neither where the record is not what was judged by.

    Raises:
        LineageError: As ``require_champion``.
        RegistryError: Where the registry has no such version, or cannot be used.
    """
    document = verdict.as_dict()
    details = {key: told for key, told in document.items() if key not in _OF_THE_TAG}
    of: dict[str, Any] = {"name": verdict.name, "version": verdict.version, "run": run}
    with hold_registry(workspace):
        require_champion(workspace, registry, verdict.name, verdict.against)
        version = get_version(registry, verdict.name, verdict.version)
        entry = record_verdict(workspace, **of, details=details)
        keep_verdict(
            registry,
            version,
            tag=entry.tag,
            number=entry.number,
            markdown=verdict_markdown(document),
            document=document,
        )
        if verdict.is_promoted:
            by = None if verdict.approval is None else verdict.approval.by
            why = {"reason": verdict.reason, "against": verdict.against, "approved_by": by}
            promote(workspace, registry, **of, details=why | {"verdict": entry.tag})
    return Judged(verdict=verdict, tag=entry.tag)
