"""The launcher of the ranks of one host: started, heard, and ended with whoever needs it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

RANKS = "rsft.finetune.ranks"
_HERE = Path(__file__).resolve().parents[2]
"""Where this very package is."""


@contextlib.contextmanager
def launched(folder: Path, threads: int, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """The launcher, whose group is killed in the end.

    Args:
        folder: What the ranks are given.
        threads: Kernel threads of each rank.
        address: Of this host, as the other ranks reach it; loopback where there are no others.
    """
    ranks = subprocess.Popen(
        [sys.executable, "-P", "-m", RANKS, str(folder.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(threads, address),
        start_new_session=True,  # one group, which ends together; Ctrl-C is for this process
    )
    assert ranks.stdin is not None
    assert ranks.stdout is not None
    try:
        yield ranks
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(ranks.pid, signal.SIGKILL)
        ranks.wait()
        ranks.stdin.close()
        ranks.stdout.close()


def _environment(threads: int, address: str) -> dict[str, str]:
    """This process's, with the package on the path, and no other network than that of the ranks."""
    path = os.pathsep.join(filter(None, [str(_HERE), os.environ.get("PYTHONPATH", "")]))
    interface = _interface(address)
    return os.environ | {
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": str(threads),
        "GLOO_SOCKET_IFNAME": interface,
        "NCCL_SOCKET_IFNAME": interface,
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # a driver that was asked does not survive a fork
    }


def _interface(address: str) -> str:
    """Name of the network interface that has an address."""
    return next(
        name
        for name, its in psutil.net_if_addrs().items()
        if address in [one.address for one in its]
    )
