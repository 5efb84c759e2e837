"""A fake of a server with OpenAI's interface, whose answers a test writes."""

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rsft.wire import link

MODEL = "data/rounds/1/model"


class Fake(ThreadingHTTPServer):
    """A server that answers the n-th POST with what ``reply(body, n)`` returns.

    That is a status and a body: bytes, a value to send as JSON, or an iterator of bytes, which may
    end before the length that was promised. ``None`` drops the connection.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, reply, models=({"id": MODEL},)):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = reply
        self.models = (200, {"data": models})
        self.bodies, self.headers, self.paths = [], [], []
        self.count = itertools.count()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.headers.append(self.headers)
        self.answer(self.server.models)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        self.server.headers.append(self.headers)
        self.server.paths.append(self.path)
        self.answer(self.server.reply(body, next(self.server.count)))

    def answer(self, reply):
        if reply is None:
            return
        status, body = reply
        if isinstance(body, Iterator):
            length, parts = 1000, body
        else:
            parts = [body if isinstance(body, bytes) else json.dumps(body).encode()]
            length = len(parts[0])
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        with contextlib.suppress(OSError):  # the client may have gone
            for part in parts:
                self.wfile.write(part)

    def log_message(self, *_):
        pass


@pytest.fixture
def fake(monkeypatch):
    """Makes fakes, and lets nothing wait long between two tries."""
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.01)
    with contextlib.ExitStack() as stack:

        def start(reply=None, **settings):
            server = stack.enter_context(Fake(reply or whole, **settings))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return server

        yield start


def choice(index=0, **fields):
    return {"index": index, "text": f"t{index}", "finish_reason": "stop"} | fields


def whole(body, _):
    return 200, {"choices": [choice(i) for i in range(body.get("n", 1))]}
