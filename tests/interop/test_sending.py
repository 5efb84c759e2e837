"""That events go where OpenLineage's settings say, and that a run neither waits nor fails."""

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsft.interop import sending
from rsft.interop.events import open_events
from rsft.lineage import Workspace
from tests.flows.conftest import free_ports
from tests.interop.conftest import Read


def tell(workspace: Workspace) -> list[str]:
    """Tells of a run of two stages, and gives the warnings."""
    warnings: list[str] = []
    with open_events(workspace, run_id="r1", model="rsft", warn=warnings.append) as events:
        for name in ("prompts", "base"):
            with events.told(name):
                pass
    return warnings


class Server(http.server.BaseHTTPRequestHandler):
    """Takes events as OpenLineage's server would."""

    got: list[dict]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append({"path": self.path} | json.loads(body))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict]]]:
    handler = type("Handler", (Server,), {"got": []})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as at_work:
        thread = threading.Thread(target=at_work.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{at_work.server_port}", handler.got
        at_work.shutdown()
        thread.join()


def test_without_settings_nothing_is_sent_or_imported(workspace: Workspace) -> None:
    code = (
        "import sys; from pathlib import Path; from rsft.lineage import Workspace;"
        "from rsft.interop import open_events; from tests.interop.test_sending import tell;"
        f"here = Path({str(workspace.root)!r}); print(tell(Workspace(root=here, home=here)));"
        "print('openlineage.client' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "False"]
    assert done.stderr == ""


def test_events_go_to_a_file(workspace: Workspace, read_events: Read) -> None:
    assert tell(workspace) == []
    assert [(event["job"]["name"], event["eventType"]) for event in read_events()] == [
        ("retrain", "START"),
        ("retrain.prompts", "START"),
        ("retrain.prompts", "COMPLETE"),
        ("retrain.base", "START"),
        ("retrain.base", "COMPLETE"),
        ("retrain", "COMPLETE"),
    ]


def test_openlineage_yml_in_the_workspace_is_enough(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "by-yml.jsonl"
    (workspace.root / "openlineage.yml").write_text(
        f"transport: {{type: file, log_file_path: {file}, append: true}}\n"
    )
    assert tell(workspace) == []
    assert len(file.read_text().splitlines()) == 6


def test_events_go_to_a_server(
    workspace: Workspace, server: tuple[str, list[dict]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, got = server
    monkeypatch.setenv("OPENLINEAGE_URL", address)
    assert tell(workspace) == []
    assert [event["path"] for event in got] == ["/api/v1/lineage"] * 6


def test_events_go_to_the_console_and_leave_the_output_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "console")
    assert tell(workspace) == []
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [json.loads(line)["eventType"] for line in shown.err.splitlines()][:2] == ["START"] * 2


def test_what_is_disabled_is_not_sent(
    workspace: Workspace, read_events: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "True")
    with open_events(workspace, run_id="r1", model="rsft", warn=print):
        assert "openlineage" not in {thread.name for thread in threading.enumerate()}
    assert read_events() == []


def test_a_namespace_alone_asks_for_no_events(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "ours")
    assert tell(workspace) == []
    assert capsys.readouterr() == ("", "")


def test_a_server_that_is_away_is_one_warning(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = {"type": "http", "url": f"http://127.0.0.1:{free_ports(1)[0]}"}
    retry = {"total": 1, "backoff_factor": 0}  # a retry is logged by the library below
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(away | {"retry": retry}))
    (warning,) = tell(workspace)
    assert warning.startswith("OpenLineage: ConnectionError: ")
    assert caplog.records == []


def test_a_server_that_does_not_answer_delays_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        mute = {"type": "http", "url": f"http://127.0.0.1:{deaf.getsockname()[1]}", "timeout": 3}
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(mute | {"retry": {"total": 0}}))
        began = time.monotonic()
        (warning,) = tell(workspace)
        assert time.monotonic() - began < 2
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "openlineage"]
    thread.join()
    assert warning == "OpenLineage: events not sent within 0.2 s of the run's end are lost"


def test_after_a_failure_nothing_more_is_tried(
    workspace: Workspace, read_events: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(tmp_path / "no" / "where"))
    (warning,) = tell(workspace)
    assert warning.startswith("OpenLineage: RuntimeError: ")
    assert warning.endswith("; no more events of this run are sent")
    assert "\n" not in warning


def test_a_broken_configuration_is_one_warning(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "pigeon")
    (warning,) = tell(workspace)
    assert warning.startswith("OpenLineage: ImportError: Failed to import pigeon; no more")


@pytest.mark.parametrize("text", ["transport: {type: file", "", "transport:", "[]"])
def test_a_file_that_names_no_transport_does_not_fill_the_console(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (workspace.root / "openlineage.yml").write_text(text)
    (warning,) = tell(workspace)
    assert "its settings name no transport; see openlineage.yml" in warning
    assert capsys.readouterr() == ("", "")


def test_one_of_several_that_fails_is_one_warning_and_the_others_go_on(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "kept.jsonl"
    here = {"type": "file", "log_file_path": str(file), "append": True}
    nowhere = {"type": "file", "log_file_path": str(tmp_path / "no" / "where"), "append": True}
    both = {
        "type": "composite",
        "continue_on_failure": True,
        "transports": {"a": here, "b": nowhere},
    }
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(both))
    (warning,) = tell(workspace)
    assert "OpenLineage: " in warning
    assert len(file.read_text().splitlines()) == 6
    assert caplog.records == []
