"""The main job: prompts ─► base ─► rounds ─► controls ─► register ─► promote.

Run it with ``rsft run``, or deploy it with ``prefect deploy --all`` (prefect.yaml).
"""

from typing import Any

from prefect import Flow, flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.runtime import deployment
from prefect.states import Completed

from flows.outliving import outlive_worker
from flows.overview import SKIPPED
from flows.run import Run, open_run
from flows.telling import tell_in_one_line
from rsft.lineage import Workspace, quit_worktree

ROUND = ("generate", "score", "filter", "pool", "validate", "finetune", "monitor", "evaluate")
"""The stages of a round, in order."""


def leave_worktree(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Removes the worktree of a deployed run that has succeeded; others are resumed in theirs."""
    if flow_run.deployment_id is None:
        return
    workspace = Workspace.open()
    if state.name == SKIPPED and (workspace.private / "resumed").exists():
        return  # what a run that failed has left there is still to be gone on with
    quit_worktree(workspace)


def is_by_schedule() -> bool:
    """Whether a schedule has planned this run."""
    context = FlowRunContext.get()
    return context is not None and bool(context.flow_run and context.flow_run.auto_scheduled)


@flow(
    name="retrain",
    flow_run_name="retrain",
    validate_parameters=False,
    on_completion=[leave_worktree],
)
def retrain(
    settings: list[str] | None = None, wait: bool = False, needs_new: bool = False
) -> dict[str, Any] | State[dict[str, Any]]:
    """Retrains the policy from ``params.yaml`` in the current folder and offers it for promotion.

    Args:
        settings: Each ``section.key=value``, written into ``params.yaml`` first.
        wait: Wait where another run holds the workspace, instead of stopping.
        needs_new: Run only where ``retrain.min_new_prompts`` are new, as a schedule's run does
            in any case.

    Returns:
        The summary that ``data/run.json`` holds too; where it was not worth it, why, as
        ``skipped``.
    """
    tell_in_one_line()
    if deployment.id is not None:
        outlive_worker()
    with open_run(settings or (), wait=wait) as run:
        run.stage("prompts")
        reason = run.not_worth_it() if needs_new or is_by_schedule() else None
        if reason is not None:
            return Completed(name=SKIPPED, message=reason, data={"skipped": reason})
        run.show_prompts()
        run.prove_verifiers()
        run.require_control_rows()
        run.stage("base")
        run.stage("evaluate_base")
        run.stage("monitor_base")
        run.show_base()
        for key in run.config.rounds:
            for name in ROUND:
                run.stage(f"{name}@{key}")
            run.show_round(key)
        for number in run.config.controls.rounds:
            for name in run.config.controls.names:
                run.stage(f"control@{number}-{name}")
                run.show_control(number, name)
        return finish(run)


def finish(run: Run) -> dict[str, Any]:
    """Pins, registers and offers what the stages made."""
    snapshot = run.snapshot()
    run.push()
    challenger = run.register(snapshot)
    if challenger is None:
        late = "not registered; `rsft register`, or the next run, does it or says why it cannot"
        return run.summarise(snapshot, None, late)
    version, reason = run.promote(challenger)
    return run.summarise(snapshot, version, reason)
