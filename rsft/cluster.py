"""Work on Ray: one function, in processes on this machine or on others. The only importer of ray.

    work ─► idle worker ─► result, in the order of finishing
                └─ lost with its node: others do it, and a worker is started elsewhere

Workers share no disk with this process: they are sent this package's code, what they build their
function from (kept once a node in Ray's object store) and the work. Nothing is known to them that
is not sent, and only this process writes what they give back.

Ray's processes trust each other with pickles, which run code: its ports belong on a network that
is closed to others.
"""

import logging
import os
import re
import socket
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from rsft.addresses import one_line
from rsft.config import RaySection
from rsft.config.ray import ADDRESS
from rsft.errors import ConfigurationError, EngineError

logger = logging.getLogger("rsft")

Job = TypeVar("Job")
Work = TypeVar("Work")
Result = TypeVar("Result")

_HERE = Path(__file__).resolve().parent
"""This very package."""
_AHEAD = 2
"""Pieces of work that a worker has at most: the next is there when one is done."""
_PATIENCE_SECONDS = 300.0
"""How long nothing may be ready for work, a large policy being loaded above all."""
_FAREWELL_SECONDS = 10.0
"""How long workers may take to finish what they have in hand, once that is of no use."""
_REACHED_SECONDS = 10.0
"""How long a cluster's head may take to answer at all."""
_TRIES = {"RAY_gcs_server_port_wait_time_s": "1"}
"""Ray's own tries to reach a head, 41 s each: it would make twenty."""
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else it warns of what it will do in time
    "RAY_worker_niceness": "0",  # else they yield to whatever else this machine does
}


class Workers(Generic[Job, Work, Result]):
    """Workers that are started with the first piece of work, and end with the ``with`` block."""

    def __init__(
        self,
        section: RaySection,
        *,
        cpus: int,
        gpus: int,
        build: Callable[[Job], Callable[[Work], Result]],
        job: Callable[[], Job],
    ) -> None:
        """Says what they are; nothing is started yet.

        Args:
            section: How many, and where.
            cpus: Of each.
            gpus: Of each.
            build: What a worker makes its function by, once; a function of a module.
            job: Gives what it makes it from.
        """
        self._section = section
        self._count = section.workers
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}
        self._build = build
        self._make_job = job
        self._waiting: deque[tuple[int, Work]] = deque()
        self._load: Counter[Any] = Counter()
        self._starting: dict[Any, Any] = {}
        self._under_way: dict[Any, tuple[Any, int, Work]] = {}
        self._losses = 0
        self._ray: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ray is not None:
            self._end_all()
            self._ray.shutdown()

    @property
    def have_room(self) -> bool:
        """Whether another piece of work would not wait behind others."""
        return len(self._waiting) + len(self._under_way) < _AHEAD * self._count

    @property
    def are_at_work(self) -> bool:
        """Whether there is a result to come."""
        return bool(self._waiting or self._under_way)

    def submit(self, key: int, work: Work) -> None:
        """Hands over a piece of work.

        Args:
            key: What its result is told by.
            work: What the workers' function takes.

        Raises:
            ConfigurationError: Where Ray is not installed.
            EngineError: Where the cluster cannot be reached.
        """
        if self._ray is None:
            self._start()
        self._waiting.append((key, work))
        self._share_out()

    def next_result(self) -> tuple[int, Result]:
        """The next piece of work that is done, by its key.

        Raises:
            RsftError: As a worker raised it.
            EngineError: Where no worker can be started, or they are lost again and again.
        """
        exceptions = self._ray.exceptions
        while True:
            finished = self._wait()
            try:
                if finished in self._starting:
                    actor = self._starting.pop(finished)
                    self._ray.get(finished)
                    self._load[actor] = 0
                    self._share_out()
                    continue
                actor, key, _ = self._under_way[finished]
                result = self._ray.get(finished)
            except exceptions.RayTaskError as error:
                raise error.cause from None
            except exceptions.RayError as error:
                self._replace(actor, error)
                continue
            del self._under_way[finished]
            self._load[actor] -= 1
            self._losses = 0
            self._share_out()
            return key, result

    def _start(self) -> None:
        self._ray = _connected(self._section, self._resources["num_cpus"])
        self._job = self._ray.put(self._make_job())
        self._count = min(self._count, max(1, self._room()))
        if self._count < self._section.workers:
            logger.warning("ray: there is room for %d workers; no more start", self._count)
        for _ in range(self._count):
            self._start_one()

    def _room(self) -> int:
        """How many workers the cluster has resources for, were nobody else there."""
        there = self._ray.cluster_resources()
        named = {"CPU": self._resources["num_cpus"], "GPU": self._resources["num_gpus"]}
        return min(int(there.get(name, 0) // each) for name, each in named.items() if each)

    def _end_all(self) -> None:
        """Lets workers remove what they wrote to their disks: Ray itself kills them."""
        ends = [actor.end.remote() for actor in (*self._load, *self._starting.values())]
        if ends:
            self._ray.wait(ends, num_returns=len(ends), timeout=_FAREWELL_SECONDS)

    def _start_one(self) -> None:
        actor = self._ray.remote(_Worker).options(**self._resources).remote()
        self._starting[actor.prepare.remote(self._build, self._job)] = actor

    def _share_out(self) -> None:
        """Gives work to those that have least."""
        while self._waiting and self._load:
            actor = min(self._load, key=self._load.__getitem__)
            if self._load[actor] >= _AHEAD:
                return
            key, work = self._waiting.popleft()
            self._under_way[actor.do.remote(work)] = (actor, key, work)
            self._load[actor] += 1

    def _wait(self) -> Any:
        known = [*self._starting, *self._under_way]
        timeout = None if self._under_way else _PATIENCE_SECONDS
        finished, _ = self._ray.wait(known, num_returns=1, timeout=timeout)
        if not finished:
            raise EngineError(
                f"ray: no worker was ready in {_PATIENCE_SECONDS:g} s; each wants "
                f"{_shown(self._resources)}, and the cluster has "
                f"{_shown(self._ray.cluster_resources())}: start more nodes, or lower "
                "runtime.threads"
            )
        return finished[0]

    def _replace(self, actor: Any, error: Exception) -> None:
        """Has the work of a lost worker done by others, and starts one in its place."""
        self._losses += 1
        if self._losses > 3 * self._count:
            raise EngineError(
                f"ray: workers are lost again and again, the last one so: {_one_line(error)}; see "
                "whether the nodes' memory suffices, and Ray's logs there"
            )
        logger.warning("ray: a worker was lost; its work goes to others (%s)", _one_line(error))
        self._load.pop(actor, None)
        lost = [ref for ref, (own, _, _) in self._under_way.items() if own == actor]
        self._waiting.extendleft(self._under_way.pop(ref)[1:] for ref in reversed(lost))
        self._ray.kill(actor)
        self._start_one()
        self._share_out()


class _Worker:
    """What runs on a node: it keeps what it built."""

    def prepare(self, build: Callable[[Any], Callable[[Any], Any]], job: Any) -> None:
        self._do = build(job)

    def do(self, work: Any) -> Any:
        return self._do(work)

    def end(self) -> None:
        vars(self).clear()


def _connected(section: RaySection, cpus: int) -> Any:
    """Ray, connected to the cluster or to one of this machine's own."""
    os.environ.update(_ENVIRONMENT | os.environ)
    try:
        import ray
    except ImportError:
        raise ConfigurationError(
            "ray.workers is set, and Ray is not installed: pip install 'rsft[ray]', or remove the "
            "section ray"
        ) from None
    if address := section.address or os.environ.get("RAY_ADDRESS"):
        _join(ray, address)
    else:
        _start_here(ray, cpus * section.workers)
    return ray


def _join(ray: Any, address: str) -> None:
    """Connects to a cluster."""
    if re.fullmatch(ADDRESS, address) is None:
        raise ConfigurationError(
            f"RAY_ADDRESS = {address!r}: must be host and port of the head, such as head:6379"
        )
    host, port = address.split(":")
    try:
        with socket.create_connection((host, int(port)), _REACHED_SECONDS):
            pass  # Ray would try for minutes, and tell of each time
        os.environ.update(_TRIES)
        ray.init(address, **_options())
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise EngineError(
            f"ray: no cluster at {address} ({_one_line(error)}); see whether it runs (`ray "
            "status`), or correct ray.address or RAY_ADDRESS"
        ) from None
    finally:
        for name in _TRIES:
            os.environ.pop(name, None)


def _start_here(ray: Any, cpus: int) -> None:
    """Starts a cluster of this machine's own."""
    if cpus > (here := os.cpu_count() or 1):
        raise ConfigurationError(
            f"ray.workers: they want {cpus} CPUs (runtime.threads each), and this machine has "
            f"{here}; lower one of the two, or name a cluster by ray.address or RAY_ADDRESS"
        )
    try:
        ray.init(
            "local",
            num_cpus=cpus,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            **_options(),
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise EngineError(f"ray: it cannot be started here ({_one_line(error)})") from None


def _options() -> dict[str, Any]:
    """Of every connection, made anew: Ray writes into them where it put the package."""
    return {
        "log_to_driver": False,
        "logging_level": "ERROR",
        "runtime_env": {"py_modules": [str(_HERE)], "excludes": ["__pycache__"]},
    }


def _shown(resources: Mapping[str, float]) -> str:
    names = {"num_cpus": "CPU", "num_gpus": "GPU", "CPU": "CPU", "GPU": "GPU"}
    return ", ".join(f"{resources[n]:g} {names[n]}s" for n in names if resources.get(n)) or "none"


def _one_line(error: Exception) -> str:
    return one_line(error)[:150]
