"""The hosts of a training, as the one that asked for it sees them.

    listen ─► enough hosts, each like this one ─► what they need to begin ─► lines of their ranks

A host that differs is refused, and the training with it: other code would learn from its rows.
Whoever reaches the address can take part, so that it belongs on a network of its own.
"""

import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any

from rsft.config import FinetuneSection, HostsSection
from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune.channel import Channel, host_and_port
from rsft.types import Progress

logger = logging.getLogger("rsft")

_GREETING_SECONDS = 10.0
"""How long a caller may take to say who it is."""


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Where the hosts of a training meet, and what each must be like."""

    section: HostsSection
    """Address and patience."""
    machine: Mapping[str, str]
    """What machines that compute the same have in common, by name."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """Another host, which has come."""

    name: str
    """As it calls itself."""
    channel: Channel
    """The way to it."""


@contextmanager
def gathered(
    meeting: Meeting, section: FinetuneSection, device: str, on_progress: Progress | None
) -> Iterator[list[Host]]:
    """Waits for the other hosts; in the end they are let go of.

    Args:
        meeting: Where, how long, and what each must be like.
        section: How many hosts, and how many processes on them.
        device: What each process computes on.
        on_progress: Told how many are there.

    Raises:
        ConfigurationError: Where this machine cannot listen at the address.
        TrainingError: Where too few come, or one differs.
    """
    until = time.monotonic() + meeting.section.timeout_seconds
    wanted = section.hosts - 1
    hosts: list[Host] = []
    with ExitStack() as stack:
        with _listening(meeting.section.address) as listener:
            while len(hosts) < wanted:
                come = f"{len(hosts)} of {wanted} other hosts came to {meeting.section.address}"
                if on_progress is not None:
                    on_progress(0, section.steps, come)
                channel = _next_caller(listener, until, come, meeting.section)
                stack.callback(channel.close)
                hello = _greeting(channel, until)
                if hello is not None:
                    host = Host(name=hello["host"], channel=channel)
                    _refuse_unlike(host, hello, meeting, section, device)
                    hosts.append(host)
        yield hosts


def _listening(address: str) -> socket.socket:
    try:
        return socket.create_server(host_and_port(address))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"hosts.address = {address}: this machine cannot listen there "
            f"({getattr(error, 'strerror', None) or error}); set it to an address of the machine "
            "that runs the stages, and a port that is free"
        ) from None


def _next_caller(
    listener: socket.socket, until: float, come: str, section: HostsSection
) -> Channel:
    listener.settimeout(max(0.01, until - time.monotonic()))
    try:
        connection, (address, _) = listener.accept()
    except TimeoutError:
        raise TrainingError(
            f"hosts: {come} ({listener.getsockname()[0]}) within {section.timeout_seconds:g} s; "
            f"run `rsft join {section.address}` on each, or lower the training's hosts"
        ) from None
    return Channel(connection, address)


def _greeting(channel: Channel, until: float) -> dict[str, Any] | None:
    """What a caller says of itself; null for one that is no host."""
    # However slowly it comes: each call of its own may wait no longer than the last byte did.
    ends = Timer(min(_GREETING_SECONDS, until - time.monotonic()), channel.close)
    ends.start()
    hello = channel.hear()
    ends.cancel()
    match hello:
        case {"host": str(), "machine": dict(), "gpus": int()}:
            return hello
    logger.warning("hosts: %s is no host of ours, and is let go of", channel.other_address)
    channel.close()
    return None


def _refuse_unlike(
    host: Host, hello: Mapping[str, Any], meeting: Meeting, section: FinetuneSection, device: str
) -> None:
    """Refuses a host that would compute otherwise, and tells it."""
    here, found = meeting.machine, hello["machine"]
    unlike = [f"{n} ({found.get(n)}; here {here[n]})" for n in here if found.get(n) != here[n]]
    needed = section.processes // section.hosts if device == "cuda" else 0
    if hello["gpus"] < needed:
        unlike.append(f"GPUs ({hello['gpus']}; each of {needed} processes takes one)")
    if unlike:
        text = (
            f"hosts: {host.name} ({host.channel.other_address}) differs in its "
            f"{' and its '.join(unlike)}; make the hosts alike, and start `rsft join` anew"
        )
        with suppress(OSError):
            host.channel.tell({"error": text})
        raise TrainingError(text)
