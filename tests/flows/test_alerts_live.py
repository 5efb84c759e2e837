"""What a person is told of deployed runs that nobody takes, that wait, and that find something."""

import secrets
from pathlib import Path

from rsft.config import set_values
from tests.audit.conftest import flip
from tests.flows.conftest import Finished, Up, wait_until, worker
from tests.flows.receiver import Receiver
from tests.workspaces import git, places_of, rsft, run_script

SECRET = f"hush-{secrets.token_hex(8)}"
"""Made anew, so that this file does not hold it."""

PLAN = """
from datetime import UTC, datetime, timedelta
from prefect.client.orchestration import get_client
from prefect.states import Scheduled
from flows.alerts import apply_alerts
from flows.channels import make_channel
from flows.deploying import deploy
from rsft.config import load_config

make_channel("webhook/ops")
deploy()
apply_alerts(load_config().alerts)
with get_client(sync_client=True) as client:
    for name, parameters in ("audit", {}), ("promote", {"version": "rsft/1", "wait": True}):
        due = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(minutes=1))
        deployment = client.read_deployment_by_name(f"{name}/{name}")
        client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=due)
"""
"""What ``rsft up`` applies, and two runs that were due a minute ago."""

ANSWER = """
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter

with get_client(sync_client=True) as client:
    paused = FlowRunFilter(state={"type": {"any_": ["PAUSED"]}}, name={"any_": ["promote"]})
    (run,) = [run for run in client.read_flow_runs(flow_run_filter=paused)
              if run.parameters["version"] == "rsft/1"]
    said = {"is_approved": False, "your_name": "ada", "reason": "the audit"}
    client.resume_flow_run(run.id, run_input=said)
"""


def ease_the_gate(folder: Path) -> None:
    """A model of tiny settings is not better: here all that is left to ask is a person."""
    for name, text, eased in (
        ("mlflow/policy.yaml", "required: false", "required: true"),
        ("rsft/promotion/gate.py", "if not all(check.passed for check in checks)", "if False"),
        ("flows/promote.py", "_POLL_SECONDS = 10", "_POLL_SECONDS = 1"),
    ):
        file = folder / name
        before = file.read_text()
        assert text in before
        file.write_text(before.replace(text, eased))


def test_late_an_approval_and_a_finding_are_each_told_once(
    finished: Finished, again: Path, up: Up, receiver: Receiver, tmp_path: Path
) -> None:
    ease_the_gate(again)
    set_values(again / "params.yaml", ["alerts.channel=webhook/ops"])
    git(again, "commit", "--quiet", "--all", "--message=Ask")
    address = f"http://127.0.0.1:{receiver.server_port}/{SECRET}"
    run_script(again, PLAN, **up.environment, RSFT_ALERTS_URL=address)
    done = rsft(again, "run", "--json", **up.environment)
    assert done.returncode == 0, done.stderr
    flip(max(again.glob("mlflow/artifacts/**/model.safetensors"), key=lambda f: f.stat().st_mtime))
    late = [
        f"RSFT: {name} is late: it has not started; does a worker run?"
        for name in ("audit", "promote")
    ]
    wait_until(lambda: {*late} <= {*receiver.lines}, "what nobody takes")
    log = tmp_path / "worker.log"
    with worker(again, up, log):
        waits = "RSFT: rsft/1 waits for a yes or no"
        wait_until(lambda: waits in receiver.lines, "the promotion")
        found = "RSFT: audit: LineageError: audit failed: "
        wait_until(lambda: any(line.startswith(found) for line in receiver.lines), "the audit")
        run_script(again, ANSWER, **up.environment)
        ended = "Flow run 'promote' - Finished in state Completed()"
        wait_until(lambda: ended in log.read_text(), "the answer")
    (finding,) = {*receiver.lines} - {*late, waits}
    assert sorted(receiver.lines) == sorted([*late, waits, finding])
    assert finding.startswith(found)
    link = f"{up.addresses['Prefect']}/runs/flow-run/"
    assert all(link in text and "\n" not in text for _, text in receiver.told)
    assert places_of(SECRET, again) == []
    assert places_of(SECRET, finished.folder / ".rsft") == []  # where the server keeps its own
    assert SECRET not in log.read_text() + done.stdout + done.stderr
    set_values(again / "params.yaml", ["alerts.channel=null"])
    assert rsft(again, "alerts", "apply", **up.environment).returncode == 0
