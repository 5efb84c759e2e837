"""What is made of a server that is none, or none of Prefect's."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from flows.overview import ask_server
from rsft.errors import WorkspaceError
from tests.flows.conftest import free_ports


class Page(BaseHTTPRequestHandler):
    """Anybody's: a page, or a refusal, for every question."""

    def do_POST(self) -> None:
        path = self.path.split("/")[1]
        self.send_response(int(path) if path.isdigit() else 200)
        self.end_headers()
        self.wfile.write(b"<html>[]</html>" if self.path.startswith("/page") else b"[{}]")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_one_that_does_not_answer_is_said_to() -> None:
    for address in (f"http://127.0.0.1:{free_ports(1)[0]}/api", "no address"):
        with pytest.raises(WorkspaceError) as told:
            ask_server(address)
        assert str(told.value) == f"{address} does not answer; `rsft up` starts one"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/page", "is no server of Prefect's"),
        ("/json", "is no server of Prefect's"),
        ("/401", "refuses this user; set PREFECT_API_AUTH_STRING=NAME:PASSWORD as its administrat"),
        ("/503", "answers 503"),
    ],
)
def test_one_that_tells_nothing_is_told_by_how_it_answers(
    elsewhere: str, path: str, problem: str
) -> None:
    with pytest.raises(WorkspaceError) as told:
        ask_server(f"{elsewhere}{path}")
    assert str(told.value).startswith(f"{elsewhere}{path} {problem}")
