"""Promotion: audit ─► compare ─► (a person's yes) ─► record ─► @champion.

A flow of its own: a pause for a person holds neither the workspace nor the place of the next
retraining. The deployment is started by the event of a new challenger (prefect.yaml), ``rsft
promote`` runs it here, and ``rsft run`` calls its task.
"""

import logging
from collections.abc import Sequence
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment
from pydantic import Field

from flows.outliving import outlive_worker
from flows.telling import tell_in_one_line
from rsft.audit import audit_run
from rsft.config import load_config
from rsft.errors import ConfigurationError
from rsft.lineage import RunRecord, Workspace, in_service, read_record
from rsft.promotion import Approval, Judged, Verdict, promote_version
from rsft.registry import Registry
from rsft.report.verdict import verdict_markdown
from rsft.runs.record import read_model

logger = logging.getLogger("rsft")

CHALLENGER_EVENT = "rsft.challenger"
"""Emitted by a deployed run whose model is to be judged; ``prefect.yaml`` waits for it."""

_POLL_SECONDS = 10


class Answer(RunInput):
    """What a person is asked. Nothing has a default, so that nobody says yes by saying nothing."""

    is_approved: bool
    your_name: str = Field(pattern=r"\S")
    reason: str


@flow(name="promote", flow_run_name="promote", validate_parameters=False)
def promote(
    version: str | None = None,
    approved_by: str | None = None,
    reason: str = "",
    wait: bool = False,
) -> dict[str, Any] | None:
    """Judges a challenger, and makes it the champion if it is shown to be better.

    Args:
        version: ``NAME/VERSION``, ``NAME@ALIAS`` or a number; null for the one that contends.
        approved_by: Who says yes, where the policy asks for a person.
        reason: Why.
        wait: Pause for a person where the policy asks for one and nobody said yes.

    Returns:
        What ``rsft promote --json`` prints; None where the version serves already, or none
        contends.

    Raises:
        ConfigurationError: Where ``approved_by`` is blank.
    """
    tell_in_one_line()
    if deployment.id is not None:
        outlive_worker()
    workspace = Workspace.open()
    workspace.enter()
    section = load_config().register_
    registry = Registry.open(workspace.home, section.tracking_uri)
    approval = None
    if approved_by is not None:
        if not approved_by.strip():
            raise ConfigurationError("approved_by is blank; name who says yes, or leave it out")
        approval = Approval(by=approved_by, is_approved=True, reason=reason)
    judged = judge(workspace, registry, section.name, version, approval)
    while wait and judged is not None and judged.verdict.outcome == "awaits approval":
        found = judged.verdict
        said = _ask(found)
        if said is None:
            break
        named = f"{found.name}/{found.version}"
        heard = said if _is_champion_still(workspace, found) else None
        judged = judge(workspace, registry, found.name, named, heard)
    return None if judged is None else judged.as_dict()


@task(name="judge", cache_policy=NO_CACHE)
def judge(
    workspace: Workspace,
    registry: Registry,
    model: str,
    version: str | None,
    approval: Approval | None = None,
) -> Judged | None:
    """Judges a version as a task, with the report on the page of the run."""

    def audit(run: RunRecord) -> Sequence[str]:
        report = audit_run(workspace, run, model, lambda: registry, read_model)
        return [str(finding) for finding in report.findings]

    judged = promote_version(workspace, registry, model, version, audit=audit, approval=approval)
    if judged is not None:
        create_markdown_artifact(verdict_markdown(judged.as_dict()), key="verdict")
    return judged


def announce(name: str, version: int) -> None:
    """Tells who waits for it that there is a challenger to be judged."""
    emit_event(
        event=CHALLENGER_EVENT,
        resource={"prefect.resource.id": f"rsft.model.{name}"},
        payload={"model": f"{name}/{version}"},
    )


def _ask(verdict: Verdict) -> Approval | None:
    """Waits for a person; None where nobody answers in time."""
    hours = float(verdict.policy["approval"]["hours"])
    question = f"{verdict_markdown(verdict.as_dict())}\n**Promote it?**"
    try:
        said = pause_flow_run(
            wait_for_input=Answer.with_initial_data(description=question),
            timeout=int(3600 * hours),
            poll_interval=_POLL_SECONDS,
        )
    except FlowPauseTimeout:
        logger.warning(
            "%s/%s: nobody answered within %g hours; it stays challenger",
            *(verdict.name, verdict.version, hours),
        )
        return None
    return Approval(by=said.your_name, is_approved=said.is_approved, reason=said.reason)


def _is_champion_still(workspace: Workspace, verdict: Verdict) -> bool:
    """Whether what the person was asked about is still the question."""
    serving = in_service(read_record(workspace), verdict.name)
    return verdict.against == (None if serving is None else serving.version)
