"""A webhook on loopback."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver(HTTPServer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                told.append((self.path, json.loads(content)["text"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def lines(self) -> list[str]:
        """What it was told, without the links."""
        return [text.partition(" http")[0] for _, text in self.told]
