"""Who is told of what: through a real server, to a receiver on loopback; and where secrets are not.

The states are given to runs that never ran, since a server tells of states however they came.
"""

import json
import secrets
from pathlib import Path

import pytest

from rsft.config import set_values
from tests.flows.conftest import Finished, Up, wait_until
from tests.flows.receiver import Receiver
from tests.workspaces import git, places_of, rsft, run_script

SECRET = f"hush-{secrets.token_hex(8)}"
"""Made anew, so that this file does not hold it."""

STATES = """
from datetime import timedelta
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.states import Completed, Crashed, Failed, Late, Paused, Running
from flows.alerts import apply_alerts
from rsft.config import AlertsSection

section = AlertsSection(channel="webhook/ops", stuck_hours=10 / 3600)
assert apply_alerts(section, silent=timedelta(seconds=11)).changed == ["silent", "stuck"]
assert apply_alerts(section, silent=timedelta(seconds=11)).changed == []

def named(name):
    return flow(name=name)(lambda: None)

with get_client(sync_client=True) as client:
    def run(name, *states, **parameters):
        made = client.create_flow_run(named(name), parameters=parameters)
        for state in states:
            client.set_flow_run_state(made.id, state, force=True)
        return made

    run("another", Running(), Failed(message="another's"))
    run("retrain", Running(), Completed())
    run("retrain", Running(), Failed(message='min_rows:\\n"12" <of> 500'))
    run("retrain", Running(), Crashed(message="lost"), Crashed(message="lost"))
    run("audit", Running(), Failed(message="2 findings"))
    run("promote", Running(), Paused(timeout_seconds=600), version="rsft/3")
    run("retrain", Late())
    lost = run("retrain", Running())
emit_event(
    event="prefect.flow-run.heartbeat",
    resource={"prefect.resource.id": f"prefect.flow-run.{lost.id}"},
    related=[{
        "prefect.resource.id": f"prefect.flow.{lost.flow_id}",
        "prefect.resource.role": "flow",
        "prefect.resource.name": "retrain",
    }],
)
"""


def test_each_alert_is_one_line_with_a_link_and_the_secret_is_nowhere(
    finished: Finished, again: Path, up: Up, receiver: Receiver
) -> None:
    secret = f"http://127.0.0.1:{receiver.server_port}/{SECRET}"

    def call(*arguments: str) -> str:
        done = rsft(again, *arguments, **up.environment, RSFT_ALERTS_URL=secret)
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done.stdout

    assert "nobody is told" in call("alerts", "apply")
    assert "made from RSFT_ALERTS_URL" in call("alerts", "channel", "webhook/ops")
    call("run", "--json", "--set", "alerts.channel=webhook/ops")
    changed = call("alerts", "apply").splitlines()[-1]
    assert changed == "changed: approval, audit, failed, late, silent, stuck, test"
    call("alerts", "test")
    run_script(again, STATES, **up.environment)
    expected = {
        "RSFT: audit: 2 findings",
        "RSFT: retrain crashed: lost",
        'RSFT: retrain failed: min_rows: "12" <of> 500',
        "RSFT: retrain (running) has not been heard of for 11 seconds: its process may be dead",
        "RSFT: retrain is late: it has not started; does a worker run?",
        "RSFT: retrain runs for longer than 10 seconds",
        "RSFT: rsft alerts test: whoever reads this is told",
        "RSFT: rsft/3 waits for a yes or no",
    }

    wait_until(lambda: expected <= {*receiver.lines}, "eight alerts")
    assert sorted(receiver.lines) == sorted(expected)
    link = f"{up.addresses['Prefect']}/runs/flow-run/"
    assert {path for path, _ in receiver.told} == {f"/{SECRET}"}
    assert sum(link in text for _, text in receiver.told) == 7
    assert all("\n" not in text for _, text in receiver.told)
    log = finished.folder / ".rsft" / "logs" / "prefect.log"
    assert "database is locked" not in log.read_text()
    assert places_of(SECRET, again) == []
    assert places_of(SECRET, finished.folder / ".rsft") == []  # where the server keeps its own
    status = json.loads(call("status", "--json"))["prefect"]
    assert status["flows"]["audit"]["last"]["message"] == "2 findings"
    assert (status["flows"]["retrain"]["is_late"], status["flows"]["promote"]["next"]) == (
        True,
        None,
    )
    assert [run["version"] for run in status["waiting"]] == ["rsft/3"]
    assert f"rsft/3 for a yes or no, at {status['waiting'][0]['link']}" in call("status")
    set_values(again / "params.yaml", ["alerts.channel=null"])
    assert "changed: approval" in call("alerts", "apply")


def test_a_secret_that_is_somewhere_is_found(tmp_path: Path) -> None:
    """Of the search: that it opens what git packs."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "log").write_text(f"url = {SECRET}")
    assert places_of(SECRET, tmp_path) == [str(tmp_path / "log")]
    git(tmp_path, "add", "log")
    (tmp_path / "log").unlink()
    assert places_of(SECRET, tmp_path) == ["git"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("channel", "mail/ops"), "'mail/ops': take TYPE/NAME, of type "),
        (("channel", "slack-webhook/ops"), "slack-webhook/ops cannot be made: RSFT_ALERTS_URL is"),
        (("test",), "alerts.channel is null in params.yaml"),
    ],
)
def test_what_lacks_is_one_line(
    finished: Finished, up: Up, arguments: tuple[str, ...], told: str
) -> None:
    done = rsft(finished.folder, "alerts", *arguments, **up.environment)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {told}")
