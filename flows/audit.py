"""Proving what runs recorded, by schedule: everything is hashed, counted and looked up again.

Deploy it with ``prefect deploy --all`` (prefect.yaml), or do it by hand: ``rsft audit --all``.
"""

from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.telling import tell_in_one_line
from rsft.audit import audit_all
from rsft.config import load_config
from rsft.errors import LineageError
from rsft.lineage import Workspace
from rsft.registry import Registry
from rsft.report.audit import audit_markdown, outcome_line
from rsft.runs.record import read_model


@flow(name="audit", flow_run_name="audit", validate_parameters=False)
def audit() -> dict[str, Any]:
    """Audits all runs, versions and the record of the current folder's checkout.

    What a person does in the checkout meanwhile is left aside: its data and settings are not
    held against its last run.

    Returns:
        What ``rsft audit --all --json`` prints.

    Raises:
        LineageError: Where anything differs, so that the flow run has failed; the page of the run
            has the findings.
    """
    tell_in_one_line()
    workspace = Workspace.open()
    workspace.enter()
    section = load_config().register_
    report = audit_all(
        workspace,
        section.name,
        lambda: Registry.open(workspace.home, section.tracking_uri),
        read_model,
        with_checkout=False,
    )
    create_markdown_artifact(audit_markdown(report.as_dict()), key="audit")
    if not report.passed:
        raise LineageError(f"{outcome_line(report.as_dict())}; the first is {report.findings[0]}")
    return report.as_dict()
