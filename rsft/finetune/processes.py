"""Training in several processes, here and on other hosts, as the process that asked for it sees it.

    policy, rows ─► folder ─► ranks: rows of each step shared out ─► folder ─► policy
                      └─ sent ─► ranks of other hosts

What goes to them and comes back are files, and only the first rank gives any back. They tell of
steps, warnings and errors by lines of JSON, and end when this process does, so that none outlives
it whatever becomes of it: those of this machine with a pipe, those of another with its connection.
"""

import contextlib
import json
import logging
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError
from torch.distributed import TCPStore  # type: ignore[attr-defined]  # only imported there

from rsft import errors
from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune.checkpoints import Checkpoints
from rsft.finetune.history import Training
from rsft.finetune.hosts import Host, Meeting, gathered
from rsft.finetune.job import Job
from rsft.finetune.launching import launched
from rsft.ledger import write_rows
from rsft.policy import load_policy, save_policy
from rsft.types import Progress, TrainingRow

logger = logging.getLogger("rsft")

_LOOPBACK = "127.0.0.1"


def train_in_processes(
    job: Job,
    checkpoints: Checkpoints | None,
    resumed: Path | None,
    meeting: Meeting | None,
    on_progress: Progress | None,
) -> Training:
    """Trains in ``finetune.processes`` processes; arguments and errors as ``train``.

    Args:
        job: The policy and its rows.
        checkpoints: Where the first process writes them.
        resumed: The checkpoint to go on from.
        meeting: Where several hosts meet.
        on_progress: Told of the first process's steps.
    """
    section, device = job.section, job.policy.model.device.type
    here = section.processes // section.hosts
    if device == "cuda" and torch.cuda.device_count() < here:
        raise ConfigurationError(
            f"processes = {section.processes} on {section.hosts} hosts, and there are "
            f"{torch.cuda.device_count()} GPUs here; each process takes one"
        )
    with contextlib.ExitStack() as stack:
        others: list[Host] = []
        if section.hosts > 1:
            assert meeting is not None
            others = stack.enter_context(gathered(meeting, section, device, on_progress))
        folder = stack.enter_context(_exchange(checkpoints))
        _write_job(folder, job)
        address = others[0].channel.own_address if others else _LOOPBACK
        store = _store(address)  # for as long as the ranks are at work
        settings = {
            "section": section.model_dump(mode="json"),
            "seed": job.seed,
            "device": device,
            "threads": _threads(here),
            "first": 0,
            "here": here,
            "address": address,
            "port": store.port,
            "timeout": None if meeting is None else meeting.section.timeout_seconds,
            "checkpoints": None,
            "resumed": None,
        }
        _send_job(folder, resumed, settings, others)
        if checkpoints is not None:
            kept = {"folder": str(checkpoints.folder.resolve()), "plan": checkpoints.plan}
            settings |= {"checkpoints": kept, "resumed": resumed and str(resumed.resolve())}
        with written_into(folder):
            (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        _run_ranks(folder, settings, others, on_progress)
        trained = load_policy(folder / "trained").model.state_dict()
        job.policy.model.load_state_dict(trained)
        text = (folder / "training.json").read_text(encoding="utf-8")
    return TypeAdapter(Training).validate_json(text)


@contextlib.contextmanager
def _exchange(checkpoints: Checkpoints | None) -> Iterator[Path]:
    """A folder for what goes to and fro, on the disk of the checkpoints."""
    if checkpoints is None:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
        return
    folder = checkpoints.folder / "processes"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    with written_into(folder):
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def written_into(folder: Path) -> Iterator[None]:
    """Says in one line where a folder cannot be written to."""
    try:
        yield
    except Exception as error:
        is_bare = type(error) is Exception and "(os error " in str(error)  # as tokenizers raise it
        if not (is_bare or isinstance(error, OSError | SafetensorError)):
            raise
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(
            f"{folder}: cannot be written ({reason}); make room and run again"
        ) from None


def _write_job(folder: Path, job: Job) -> None:
    write_rows(folder / "rows.parquet", TrainingRow, job.rows)
    write_rows(folder / "heldout.parquet", TrainingRow, job.heldout)
    with written_into(folder):
        save_policy(job.policy, folder / "policy")
        if job.reference is not None:
            save_policy(job.reference, folder / "reference")


def _send_job(
    folder: Path, resumed: Path | None, settings: dict[str, Any], others: Sequence[Host]
) -> None:
    """Sends each of the other hosts all that its ranks need.

    Raises:
        TrainingError: Where one of them is gone.
    """
    files = _files(folder, "") | ({} if resumed is None else _files(resumed, "resumed/"))
    for number, host in enumerate(others, start=1):
        own = {"first": number * settings["here"], "resumed": resumed is not None}
        try:
            host.channel.patience(settings["timeout"])
            host.channel.tell({"settings": settings | own})
            host.channel.send(files)
            host.channel.patience(None)
        except OSError:
            raise _lost(host) from None


def _files(folder: Path, prefix: str) -> dict[str, Path]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {f"{prefix}{file.relative_to(folder).as_posix()}": file for file in files}


def _threads(processes: int) -> int:
    """Kernel threads of each process: this one's, shared out."""
    return max(1, torch.get_num_threads() // processes)


def _store(address: str) -> TCPStore:
    """Where the ranks find each other: on the network of this address, and on no other."""
    listener = socket.create_server((address, 0))
    port = listener.getsockname()[1]
    return TCPStore(
        address, port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach()
    )


def _run_ranks(
    folder: Path, settings: dict[str, Any], others: Sequence[Host], on_progress: Progress | None
) -> None:
    """Starts the processes of this host, and hears all of them until the last here has ended.

    Raises:
        RsftError: As one of them raised it.
        TrainingError: Where one of them was ended from outside, or a host is lost.
    """
    with launched(folder, settings["threads"], settings["address"]) as ranks:
        assert ranks.stdout is not None
        for host, message in _heard(ranks.stdout, others):
            if host is None:
                _hear(message, on_progress)
            else:
                _hear_of(host, message)
        if (status := ranks.wait()) != 0:
            raise TrainingError(
                f"the processes of training were ended from outside (exit status {status}); "
                "see whether memory sufficed, or set processes to 1"
            )


def _heard(
    ranks: IO[bytes], others: Sequence[Host]
) -> Iterator[tuple[Host | None, dict[str, Any]]]:
    """What is told by the ranks here, until they end, and by other hosts.

    Raises:
        TrainingError: Where a host ends before them.
    """
    said: SimpleQueue[tuple[Host | None, dict[str, Any] | None]] = SimpleQueue()

    def listen(host: Host | None, hear: Callable[[], dict[str, Any] | None]) -> None:
        while (message := hear()) is not None:
            said.put((host, message))
        said.put((host, None))

    def hear_here() -> dict[str, Any] | None:
        with contextlib.suppress(ValueError):  # a line that was cut short, or a pipe that is closed
            return dict(json.loads(ranks.readline()))
        return None

    Thread(target=listen, args=(None, hear_here), daemon=True).start()
    for other in others:
        Thread(target=listen, args=(other, other.channel.hear), daemon=True).start()
    while True:
        host, message = said.get()
        if message is not None:
            yield host, message
        elif host is not None:
            raise _lost(host)
        else:
            return


def _hear(message: dict[str, Any], on_progress: Progress | None) -> None:
    match message:
        case {"progress": [done, total, note]}:
            if on_progress is not None:
                on_progress(done, total, note)
        case {"warning": text}:
            logger.warning("%s", text)
        case {"error": [name, text]}:
            raise getattr(errors, name)(text)
        case {"defect": text}:
            raise RuntimeError(text)


def _hear_of(host: Host, message: dict[str, Any]) -> None:
    """Hears another host, which has no say in what is raised here but its text."""
    match message:
        case {"warning": text}:
            logger.warning("host %s: %s", host.name, text)
        case {"error": [_, text]} | {"defect": text}:
            raise TrainingError(f"host {host.name}: {text}")


def _lost(host: Host) -> TrainingError:
    return TrainingError(
        f"host {host.name} ({host.channel.other_address}) was lost; see whether `rsft join` still "
        "runs there, and run again: training goes on from its last checkpoint"
    )
