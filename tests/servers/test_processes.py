"""Processes of a stack, some of which end while it is looked at."""

import os
import subprocess
import sys

import psutil

from rsft.servers.processes import is_of


def test_one_that_has_ended_meanwhile_is_nobodys() -> None:
    """A stack that stops asks this of each process that runs; an error would leave them all."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = psutil.Process(child.pid)
    assert is_of(process, {os.getpid(), None})
    assert is_of(process, {child.pid})
    assert not is_of(process, {1_000_000_000})
    child.communicate(b"\n")
    assert not is_of(process, {os.getpid()})
