"""What a host does that lends its processors to the trainings of another: ``rsft join``.

    call ─► say what this machine is like ─► receive the job ─► ranks, whose lines are passed on
      └─────────────── the connection ends, and with it the ranks ◄──────────────────┘

It is to one host what torchrun is: each rank finds torch's own contract in its environment, RANK,
LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT. Unlike torchrun it stays for the next training,
is sent what the training needs, and refuses to compute with other code. Nothing that it receives
stays: the policy and the rows lie in a temporary folder while they are learnt from.
"""

import json
import platform
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from subprocess import Popen
from threading import Thread
from typing import Any, NoReturn

import torch

from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune.channel import Channel, TornError, host_and_port
from rsft.finetune.launching import launched

_PAUSE_SECONDS = 1.0
_CALL_SECONDS = 10.0

Tell = Callable[[str], None]
"""Told in a line what happens."""


def join(address: str, machine: Mapping[str, str], tell: Tell) -> NoReturn:
    """Takes part in one training after another, until it is interrupted.

    Args:
        address: ``hosts.address`` of the host that trains.
        machine: What machines that compute the same have in common, by name.
        tell: Told what happens.

    Raises:
        ConfigurationError: Where there is no such host.
        TrainingError: Where the other host refuses this one.
    """
    tell(f"waiting for a training at {address}")
    while True:
        if (channel := _called(address)) is not None:
            with closing(channel):
                if _take_part(channel, machine, tell):
                    tell(f"it has ended; waiting for another at {address}")
        time.sleep(_PAUSE_SECONDS)


def _called(address: str) -> Channel | None:
    """A connection to the host that trains; null where nobody listens."""
    try:
        connection = socket.create_connection(host_and_port(address), timeout=_CALL_SECONDS)
        channel = Channel(connection, connection.getpeername()[0])
    except (socket.gaierror, ValueError) as error:
        raise ConfigurationError(
            f"{address}: no host and port ({getattr(error, 'strerror', None) or error}); give "
            "hosts.address of the host that trains"
        ) from None
    except OSError:
        return None
    channel.patience(None)
    return channel


def _take_part(channel: Channel, machine: Mapping[str, str], tell: Tell) -> bool:
    """Lends this host to one training; false where there was none after all."""
    hello = {"host": platform.node(), "machine": machine, "gpus": torch.cuda.device_count()}
    try:
        channel.tell(hello)
    except OSError:
        return False
    match channel.hear():
        case {"error": str(text)}:
            raise TrainingError(text)
        case {
            "settings": {
                "section": {"processes": int()},
                "here": int(),
                "threads": int(),
                "resumed": bool(),
            } as settings
        }:
            with tempfile.TemporaryDirectory(prefix="rsft-join-", ignore_cleanup_errors=True) as at:
                return _compute(channel, settings, Path(at), tell)
    return False


def _compute(channel: Channel, settings: dict[str, Any], folder: Path, tell: Tell) -> bool:
    """Runs this host's ranks for as long as the other end is there."""
    try:
        channel.receive((channel.hear() or {}).get("files"), folder)
        resumed = str(folder / "resumed") if settings["resumed"] else None
        own = {"address": channel.other_address, "resumed": resumed}
        (folder / "settings.json").write_text(json.dumps(settings | own), encoding="utf-8")
    except (TornError, OSError) as error:
        tell(f"{folder}: the training could not be received ({error})")
        return True
    here = settings["here"]
    tell(f"training: {here} of {settings['section']['processes']} processes run here")
    with launched(folder, settings["threads"], channel.own_address) as ranks:
        Thread(target=_pass_on, args=(ranks, channel, tell), daemon=True).start()
        while channel.hear() is not None:
            pass
    return True


def _pass_on(ranks: "Popen[bytes]", channel: Channel, tell: Tell) -> None:
    """Tells the other end what the ranks tell, and of an end that they cannot tell of."""
    assert ranks.stdout is not None
    try:
        for line in ranks.stdout:
            message = json.loads(line)
            if "error" in message:
                tell(message["error"][1])
            channel.tell(message)
        if (status := ranks.wait()) != 0:
            text = f"the processes of training were ended from outside (exit status {status})"
            channel.tell({"error": ["TrainingError", text]})
    except (OSError, ValueError):  # the other end is gone, or the ranks are
        return
