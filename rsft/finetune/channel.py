"""What two hosts of a training say to each other: lines of JSON, and files.

Neither side trusts the other's bytes: a line is JSON or the end, and a file lands below the folder
that it is received into or nowhere.
"""

import contextlib
import json
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from rsft.ledger import file_sha256

_LONGEST_LINE = 1 << 20
_CHUNK = 1 << 20
_SILENT_SECONDS = 10
_PROBES = 3
"""A peer that the network no longer reaches is given up after some 40 s."""


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of an address.

    Raises:
        ValueError: Where it has no port, or one that there is not.
    """
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 1 << 16):
        raise ValueError("a port is a number from 1 to 65535")
    return host, int(port)


class TornError(Exception):
    """A file that did not come as it was sent."""


def _files(listed: Any) -> Iterator[tuple[str, int, str]]:
    """Name, size and hash of each file of a list, which may be anything."""
    for entry in listed if isinstance(listed, list) else [listed]:
        match entry:
            case [str() as name, int() as size, str() as sha256] if size >= 0:
                yield name, size, sha256
            case _:
                raise TornError(f"{str(entry)[:100]!r} tells of no file")


class Channel:
    """One end of a connection."""

    def __init__(self, connection: socket.socket, other_address: str) -> None:
        self.own_address: str = connection.getsockname()[0]
        """This host's address, as the other reaches it."""
        self.other_address = other_address
        """The other host's address."""
        self._connection = connection
        self._stream = connection.makefile("rb")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform == "linux":
            for option, value in (
                (socket.TCP_KEEPIDLE, _SILENT_SECONDS),
                (socket.TCP_KEEPINTVL, _SILENT_SECONDS),
                (socket.TCP_KEEPCNT, _PROBES),
            ):
                connection.setsockopt(socket.IPPROTO_TCP, option, value)

    def patience(self, seconds: float | None) -> None:
        """Sets how long one call may wait for the other host; null for as long as it takes."""
        self._connection.settimeout(seconds)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Sends a line.

        Raises:
            OSError: Where the other end is gone.
        """
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any] | None:
        """The next line; null where the other end is gone, or says what is no line of ours."""
        try:
            line = self._stream.readline(_LONGEST_LINE)
            message = json.loads(line)
        except (OSError, ValueError, RecursionError):
            return None
        return message if isinstance(message, dict) else None

    def send(self, files: Mapping[str, Path]) -> None:
        """Sends files by name, after a line that lists them.

        Raises:
            OSError: Where the other end is gone.
        """
        listed = [[name, path.stat().st_size, file_sha256(path)] for name, path in files.items()]
        self.tell({"files": listed})
        for path in files.values():
            with path.open("rb") as file:
                self._connection.sendfile(file)

    def receive(self, listed: Any, folder: Path) -> None:
        """Writes the files that the other end has listed below a folder.

        Raises:
            TornError: Where one did not come whole, or is to lie elsewhere, or there is no list.
            OSError: Where one cannot be written.
        """
        for name, size, sha256 in _files(listed):
            place = PurePosixPath(name)
            if place.is_absolute() or ".." in place.parts or "\0" in name:
                raise TornError(f"{name!r}: not below the folder")
            file = folder / place
            file.parent.mkdir(parents=True, exist_ok=True)
            self._write(file, size)
            if file_sha256(file) != sha256:
                raise TornError(f"{name} is not the one that was sent (its hash differs)")

    def _write(self, file: Path, size: int) -> None:
        with file.open("xb") as opened:
            while size:
                chunk = self._stream.read(min(size, _CHUNK))
                if not chunk:
                    raise TornError(f"{file.name}: the connection ended before it did")
                opened.write(chunk)
                size -= len(chunk)

    def close(self) -> None:
        """Ends it, for a thread that waits to hear as well."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        self._stream.close()
