"""The deployments of ``prefect.yaml``: one fired by hand through a real server and worker, which
fires the other."""

import json
import subprocess
import sys
from pathlib import Path

from rsft.config import parse_config
from tests.flows.conftest import Up, wait_until, worker
from tests.workspaces import clean_environment, git, rsft, run_script

EVENT = """
from prefect.events import emit_event
emit_event(event="rsft.prompts", resource={"prefect.resource.id": "rsft.prompts"}, payload={})
"""
"""What ``rsft prompts add`` sends."""

SCHEDULE = """
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule

with get_client(sync_client=True) as client:
    made = client.create_flow(flow(name="anything")(lambda: None))
    nightly = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 3 * * *"), active=True)
    deployment = client.create_deployment(made, "anything", schedules=[nightly])
    client._client.post(f"/deployments/{deployment}/schedule", json={}).raise_for_status()
    print(sum(run.deployment_id == deployment for run in client.read_flow_runs()))
"""
"""Has the server plan runs at once, which it does by itself within a minute, or fails to."""


def prefect(folder: Path, up: Up, *arguments: str) -> str:
    """Runs Prefect's command line against the server."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=folder,
        env=clean_environment(folder, **up.environment),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prefects_server_plans_the_runs_of_a_schedule(again: Path, up: Up) -> None:
    """It does not with each version of SQLAlchemy that its own requirements admit."""
    assert int(run_script(again, SCHEDULE, **up.environment)) > 0


def checkout_data(folder: Path) -> dict[str, float]:
    """When each file in the checkout's data was last written."""
    files = [*(folder / "data").rglob("*"), folder / "dvc.lock", folder / "params.yaml"]
    return {str(file): file.stat().st_mtime for file in files}


def verdict_tags(folder: Path) -> set[str]:
    """The verdicts on record."""
    return set(git(folder, "tag", "--list", "verdict/*").split())


def test_a_run_works_in_a_worktree_registers_in_the_one_registry_and_is_judged_by_its_event(
    again: Path, up: Up, tmp_path: Path
) -> None:
    """The settings differ in what comes last, so that the checkout's cache has all the rest."""
    data, verdicts = checkout_data(again), verdict_tags(again)
    log = tmp_path / "worker.log"
    with worker(again, up, log):
        wait_until(lambda: "Worker 'rsft' started!" in log.read_text(), "the worker")
        settings = 'settings=["finetune.steps=21"]'
        watched = prefect(
            again, up, "deployment", "run", "retrain/retrain", "--watch", "--param", settings
        )
        # A worker that is stopped while a run of its own ends may take long.
        ended = "Flow run 'promote' - Finished in state Completed()"
        wait_until(lambda: ended in log.read_text(), "the deployment promote")
        run_script(again, EVENT, **up.environment)
        skipped = "Flow run 'retrain' - Finished in state Skipped('not worth it: 0 new of 1 "
        wait_until(lambda: skipped in log.read_text(), "the event of new prompts")
    assert "finished successfully" in watched, log.read_text()
    assert verdict_tags(again) > verdicts
    assert checkout_data(again) == data
    assert not (again / ".rsft" / "worktrees" / "retrain").exists()  # it has succeeded
    tag = git(again, "tag", "--list", "run/*", "--sort=-taggerdate").splitlines()[0]
    assert git(again, "rev-parse", f"{tag}^") == git(again, "rev-parse", "HEAD")
    assert parse_config(git(again, "show", f"{tag}:params.yaml"), name=tag).finetune.steps == 21
    origin = json.loads(rsft(again, "lineage", tag, "--json").stdout)
    assert origin["git_tag"] == tag
    assert origin["flow_run_id"] is not None
    assert origin["record"]
    told = prefect(again, up, "flow-run", "logs", origin["flow_run_id"], "--num-logs", "200")
    assert "finetune@1: ran in" in told  # it stands on the run's page
