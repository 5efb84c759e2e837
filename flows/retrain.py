"""The main job: prompts ─► base ─► rounds ─► controls ─► register ─► promote.

Run it with ``rsft run``, or deploy it with ``prefect deploy --all`` (prefect.yaml).
"""

from typing import Any

from prefect import flow

from flows.run import Run, open_run

ROUND = ("generate", "score", "filter", "pool", "validate", "finetune", "monitor", "evaluate")
"""The stages of a round, in order."""


@flow(name="retrain", flow_run_name="retrain", validate_parameters=False)
def retrain(settings: list[str] | None = None, wait: bool = False) -> dict[str, Any]:
    """Retrains the policy from ``params.yaml`` in the current folder and offers it for promotion.

    Args:
        settings: Each ``section.key=value``, written into ``params.yaml`` first.
        wait: Wait where another run holds the workspace, instead of stopping.

    Returns:
        The summary that ``data/run.json`` holds too.
    """
    with open_run(settings or (), wait=wait) as run:
        run.stage("prompts")
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
