"""Two hosts on loopback, each with folders of its own: the curve of one process, and no orphans.

All but the first test have something quicker in place of ranks, which need seconds to import torch.
"""

import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from rsft.config import HostsSection
from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune import Checkpoints, Meeting, join, joining, launching, train
from rsft.finetune.channel import Channel, TornError
from rsft.finetune.processes import _store
from rsft.finetune.reduction import LostError, sum_number
from rsft.stages.training import this_machine
from tests.finetune.cases import MANY, ROWS, changed, distance, tiny_policy, weights

ROOT = Path(__file__).parents[2]
SECTION = changed(
    steps=24, batch_size=5, schedule="constant", early_stopping={"every": 8, "patience": 9}
)
OVER_HOSTS = changed(SECTION, processes=2, hosts=2, checkpoint_steps=16)
ALIKE = {"code": "abc", "version of torch": "2.13.0"}


@pytest.fixture
def address() -> str:
    """Where nobody listens yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def meeting(address: str, *, seconds: float = 60, machine: dict[str, str] = ALIKE) -> Meeting:
    section = HostsSection(address=address, timeout_seconds=seconds)
    return Meeting(section=section, machine=machine)


def wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


class OtherHost:
    """``rsft join`` as another machine would run it, as far as one machine can have two."""

    def __init__(self, folder: Path, address: str) -> None:
        self.temporary, self.work = folder / "tmp", folder / "work"
        self.temporary.mkdir(parents=True)
        self.work.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rsft", "join", address],
            cwd=self.work,
            env=os.environ | {"TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )

    def kill(self) -> list[psutil.Process]:
        """Kills it while its ranks are at work; returns those."""
        ranks = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        return ranks


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_host_is_killed_and_the_next_run_goes_on_to_the_weights_of_one_process(
    tmp_path: Path, address: str
) -> None:
    checkpoints = Checkpoints(tmp_path / "training", {})
    at = meeting(address, machine=this_machine())
    hosts = [OtherHost(tmp_path / "second", address)]
    ranks: list[psutil.Process] = []

    def kill_at(step: int, total: int, note: str = "") -> None:
        if step == 17:
            ranks.extend(hosts[0].kill())

    endless = changed(OVER_HOSTS, steps=10**6)
    try:
        with pytest.raises(TrainingError, match=r"^host .* \(127\.0\.0\.1\) was lost; see .*$"):
            train(
                tiny_policy(0.0), MANY, endless, seed=0, heldout=MANY[:3],
                checkpoints=checkpoints, meeting=at, on_progress=kill_at,
            )  # fmt: skip
        assert len(ranks) == 2, "a launcher and a rank"
        wait_until(lambda: not any(map(is_running, ranks)))
        wait_until(lambda: list(hosts[0].temporary.iterdir()) == [])
        assert list(hosts[0].work.iterdir()) == []

        hosts.append(OtherHost(tmp_path / "third", address))
        one, two = tiny_policy(0.0), tiny_policy(0.0)
        expected = train(one, MANY, SECTION, seed=0, heldout=MANY[:3])
        steps: list[int] = []
        found = train(
            two, MANY, OVER_HOSTS, seed=0, heldout=MANY[:3], checkpoints=checkpoints, meeting=at,
            on_progress=lambda done, total, note: steps.append(done),
        )  # fmt: skip
        assert steps == [0, *range(17, 25)]
        assert found.loss == pytest.approx(expected.loss, abs=1e-4)
        assert dict(found.heldout_loss) == pytest.approx(dict(expected.heldout_loss), abs=1e-4)
        assert distance(weights(one), weights(two)) < 1e-5
        wait_until(lambda: list(hosts[1].temporary.iterdir()) == [])
        assert hosts[1].process.poll() is None, "it waits for the next training"
    finally:
        for host in hosts:
            host.process.kill()
            host.process.wait()


def train_over_hosts(at: Meeting) -> None:
    train(tiny_policy(), ROWS, changed(processes=2, hosts=2), seed=0, meeting=at)


def test_a_host_that_never_comes_is_waited_for_so_long_and_no_longer(address: str) -> None:
    told = rf"^hosts: 0 of 1 other hosts came to {address} \(127\.0\.0\.1\) within 0\.2 s; run `rs"
    started = time.monotonic()
    with pytest.raises(TrainingError, match=told):
        train_over_hosts(meeting(address, seconds=0.2))
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("elsewhere", ["192.0.2.1:29500", "no.such.host.invalid:29500", "lo:99999"])
def test_an_address_that_is_not_of_this_machine_is_one_line(elsewhere: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^hosts\.address = {elsewhere}: this machine "):
        train_over_hosts(meeting(elsewhere))


@pytest.mark.parametrize("nowhere", ["no.such.host.invalid:29500", "127.0.0.1:99999", "here"])
def test_a_host_that_joins_nobody_is_told_so(nowhere: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{nowhere}: no host and port \(.*\); give"):
        join(nowhere, ALIKE, lambda line: None)


def test_a_host_with_another_version_is_refused_by_name_on_both_sides(address: str) -> None:
    refused: list[str] = []

    def come() -> None:
        with pytest.raises(TrainingError) as error:
            join(address, ALIKE | {"version of torch": "2.12.1"}, lambda line: None)
        refused.append(str(error.value))

    other = threading.Thread(target=come)
    other.start()
    with pytest.raises(TrainingError) as told:
        train_over_hosts(meeting(address))
    other.join()
    assert refused == [str(told.value)]
    name = re.escape(socket.gethostname())
    assert re.match(
        rf"hosts: {name} \(127\.0\.0\.1\) differs in its version of torch \(2\.12\.1; here "
        r"2\.13\.0\); make the hosts alike",
        refused[0],
    )


def fake_ranks(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    code = "import json, os, signal, sys, time\n" + textwrap.dedent(body)
    (folder / "fake_ranks.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(launching, "RANKS", "fake_ranks")


@contextmanager
def caller(address: str, folder: Path, say: Callable[[Channel], None]) -> Iterator[None]:
    """A host that says what it likes, once it has been given its job."""

    def call() -> None:
        while (channel := joining._called(address)) is None:
            time.sleep(0.02)
        channel.tell({"host": "second", "machine": ALIKE, "gpus": 0})
        assert (channel.hear() or {})["settings"]["first"] == 1
        channel.receive((channel.hear() or {})["files"], folder / "received")
        say(channel)
        channel.close()

    thread = threading.Thread(target=call)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"error": ["TrainingError", "the loss is nan"]}, "host second: the loss is nan"),
        ({"error": ["SystemExit", "never"]}, "host second: never"),
        ({"defect": "process 1 failed"}, "host second: process 1 failed"),
        (None, "host second (127.0.0.1) was lost; see whether"),
    ],
)
def test_what_ends_another_host_ends_the_training_in_one_line(
    line: dict[str, Any] | None,
    told: str,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_ranks(monkeypatch, tmp_path, "time.sleep(600)")

    def say(channel: Channel) -> None:
        if line is not None:
            channel.tell(line)
            channel.hear()

    with caller(address, tmp_path, say), pytest.raises(TrainingError, match="^" + re.escape(told)):
        train_over_hosts(meeting(address))


def test_a_caller_that_is_no_host_is_let_go_of(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = address.split(":")

    def call() -> None:
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            connection.recv(1)

    def call_when_heard() -> None:
        while True:
            try:
                return call()
            except ConnectionRefusedError:
                time.sleep(0.02)

    stranger = threading.Thread(target=call_when_heard)
    stranger.start()
    with pytest.raises(TrainingError, match=r"^hosts: 0 of 1 other hosts came"):
        train_over_hosts(meeting(address, seconds=2))
    stranger.join()
    assert [record.getMessage() for record in caplog.records] == [
        "hosts: 127.0.0.1 is no host of ours, and is let go of"
    ]


def test_a_caller_that_never_comes_to_an_end_is_not_waited_for(address: str) -> None:
    """A byte now and then: none of them is late."""

    def drip() -> None:
        while (channel := joining._called(address)) is None:
            time.sleep(0.02)
        with suppress(OSError):
            while True:
                channel._connection.sendall(b" ")
                time.sleep(0.1)

    stranger = threading.Thread(target=drip)
    stranger.start()
    started = time.monotonic()
    with pytest.raises(TrainingError, match=r"^hosts: 0 of 1 other hosts came"):
        train_over_hosts(meeting(address, seconds=1.5))
    assert time.monotonic() - started < 10
    stranger.join()


SETTINGS = {"section": {"processes": 2}, "here": 1, "threads": 1, "resumed": False}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([{"settings": {}}], None),
        ([{"settings": SETTINGS | {"here": None}}], None),
        ([{"settings": SETTINGS}, {"files": 5}], "'5' tells of no file"),
        ([{"settings": SETTINGS}, {"fires": []}], "'None' tells of no file"),
        ([{"settings": SETTINGS}, {"files": [["a", 1]]}], "\"['a', 1]\" tells of no file"),
        ([{"settings": SETTINGS}, {"files": [["a", -1, ""]]}], "['a', -1, '']\" tells of no file"),
        ([{"settings": SETTINGS}, {"files": [["a\0", 1, ""]]}], "'a\\x00': not below the folder"),
    ],
)
def test_who_asks_for_what_is_no_training_is_let_go_of(
    lines: list[dict[str, Any]], told: str | None
) -> None:
    said: list[str] = []
    with channels() as (one, other):
        for line in lines:
            other.tell(line)
        assert joining._take_part(one, ALIKE, said.append) == (told is not None)
    assert [told in line for line in said if told] == [True] * (told is not None)


def sum_alone(port: int) -> None:
    """The second of two ranks, which stops in the middle."""
    join_group(1, port, seconds=30)
    sum_number(1.0, torch.device("cpu"))
    os.kill(os.getpid(), signal.SIGSTOP)


def join_group(rank: int, port: int, *, seconds: float) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "TORCHELASTIC_USE_AGENT_STORE": "True"}
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=seconds))


def sum_twice(port: int, told: Any) -> None:
    """The first, which waits for the second."""
    join_group(0, port, seconds=1)
    told.send(sum_number(2.0, torch.device("cpu")))
    try:
        sum_number(2.0, torch.device("cpu"))
    except LostError as error:
        told.send(str(error))
    os._exit(0)


def test_a_process_that_falls_silent_is_waited_for_so_long_and_no_longer() -> None:
    fork = multiprocessing.get_context("fork")
    store = _store("127.0.0.1")
    heard, told = fork.Pipe(duplex=False)
    silent = fork.Process(target=sum_alone, args=[store.port])
    waiting = fork.Process(target=sum_twice, args=[store.port, told])
    silent.start()
    waiting.start()
    try:
        assert heard.poll(30)
        assert heard.recv() == 3.0
        assert heard.poll(10)
        assert "\n" not in heard.recv()
    finally:
        silent.kill()
        waiting.kill()
        silent.join()
        waiting.join()


@contextmanager
def channels() -> Iterator[tuple[Channel, Channel]]:
    """Both ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = Channel(socket.create_connection(server.getsockname()), "127.0.0.1")
        other = Channel(server.accept()[0], "127.0.0.1")
    yield one, other
    one.close()
    other.close()


def test_files_come_as_they_were_sent(tmp_path: Path) -> None:
    sent = {"a": tmp_path / "a", "resumed/b": tmp_path / "b"}
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").write_bytes(os.urandom(3 << 20))
    with channels() as (one, other):
        sender = threading.Thread(target=one.send, args=[sent])
        sender.start()
        listed = (other.hear() or {})["files"]
        other.receive(listed, tmp_path / "received")
        sender.join()
    for name, file in sent.items():
        assert (tmp_path / "received" / name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("name", "size", "sha256", "told"),
    [
        ("../x", 3, "", "not below the folder"),
        ("/tmp/x", 3, "", "not below the folder"),
        ("x", 3, "0" * 64, "its hash differs"),
        ("x", 4, "0" * 64, "the connection ended before it did"),
    ],
)
def test_a_file_that_is_torn_or_goes_elsewhere_is_refused(
    name: str, size: int, sha256: str, told: str, tmp_path: Path
) -> None:
    with channels() as (one, other):
        one._connection.sendall(b"abc")
        one.close()
        with pytest.raises(TornError, match=told):
            other.receive([[name, size, sha256]], tmp_path / "received")
    assert not (tmp_path / "x").exists()
