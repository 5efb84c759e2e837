"""One server of the stack: what is started, and when it is ready."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass

HOST = "127.0.0.1"
_PROBE_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One child to start."""

    name: str
    """What people call it."""
    command: tuple[str, ...]
    """Its command line."""
    environment: Mapping[str, str]
    """Set besides what this process has."""
    port: int | None = None
    """Its port on loopback; null for one that serves nothing."""
    option: str = ""
    """Command line option that moves the port."""
    page: str = ""
    """Path and fragment of what people look at first."""
    ready: str
    """Path that answers 200 once it is ready; without a port, what its log says then."""

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.port}"

    @property
    def shown(self) -> str:
        """What people are told to open."""
        return f"{self.address}{self.page}"

    @property
    def log(self) -> str:
        """Name of its log file."""
        return f"{self.name.lower().replace(' ', '-')}.log"

    def answers(self) -> bool:
        """Whether it is ready, as far as its port tells."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_PROBE_SECONDS)
        try:
            connection.request("GET", self.ready)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
