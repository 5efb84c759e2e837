"""S3 on loopback: moto's server, which can be told to misbehave."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import make_server

from tests.server.planted import MARK

KEY, SECRET = "rsftkey", f"{MARK}-s3"
_FAULT = (
    '<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message>'
    "<RequestId>1</RequestId></Error>"
)
Answer = Iterable[bytes]


class Bucket:
    """S3 with one user, in this process."""

    def __init__(self, port: int) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app

        self.address = f"http://127.0.0.1:{port}"
        self.failures = 0
        """How many of the next requests are answered with 500."""
        self.puts_left: int | None = None
        """How many objects are taken until the session is over; null: it does not end."""
        self.seconds = 0.0
        """How long requests wait for their answer."""
        self.requests = 0
        """How many came."""
        self._app = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._server = make_server("127.0.0.1", port, self, threaded=True)

    @property
    def environment(self) -> dict[str, str]:
        """What makes boto, and with it DVC and MLflow's server, come here."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.address,
        }

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Answer:
        """Answers a request."""
        with self._lock:
            self.requests += 1
            fails = self.failures > 0
            self.failures -= fails
            is_over = self.puts_left == 0
            if self.puts_left and environ["REQUEST_METHOD"] == "PUT":
                self.puts_left -= 1
        time.sleep(self.seconds)
        if fails:
            return _refuse(environ, start, "500 Internal Error", "InternalError", "injected")
        if is_over:
            told = "The provided token has expired."
            return _refuse(environ, start, "400 Bad Request", "ExpiredToken", told)
        signed = environ.get("HTTP_AUTHORIZATION", "") + environ.get("QUERY_STRING", "")
        if KEY not in signed:
            told = "The AWS Access Key Id you provided does not exist in our records."
            return _refuse(environ, start, "403 Forbidden", "InvalidAccessKeyId", told)
        answer: Answer = self._app(environ, start)
        return answer

    @contextmanager
    def serving(self) -> Iterator["Bucket"]:
        """Answers until the end."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def make(self, *names: str) -> None:
        """Makes buckets."""
        for name in names:
            self.client().create_bucket(Bucket=name)

    def contents(self, name: str) -> dict[str, bytes]:
        """What lies in a bucket, by key."""
        client = self.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=name)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {key: client.get_object(Bucket=name, Key=key)["Body"].read() for key in keys}

    def client(self) -> Any:
        """boto's client of it."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.address,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )


def _refuse(
    environ: dict[str, Any], start: Callable[..., Any], status: str, code: str, message: str
) -> Answer:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = _FAULT.format(code=code, message=message).encode()
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
