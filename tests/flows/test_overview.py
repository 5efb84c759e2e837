"""What is made of a server that is none, or none of Prefect's."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from flows.overview import ask_server
from tests.flows.conftest import free_ports


class Page(BaseHTTPRequestHandler):
    """Anybody's: a page for every question."""

    def do_POST(self) -> None:
        self.send_response(200)
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


def test_one_that_does_not_answer_tells_nothing() -> None:
    assert ask_server(f"http://127.0.0.1:{free_ports(1)[0]}/api") is None
    assert ask_server("no address") is None


@pytest.mark.parametrize("path", ["/page", "/json"])
def test_one_that_is_not_prefects_tells_nothing(elsewhere: str, path: str) -> None:
    assert ask_server(f"{elsewhere}{path}") is None
