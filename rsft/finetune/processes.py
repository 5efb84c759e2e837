"""Training in several processes of this machine, as the process that asked for it sees it.

    policy, rows ─► folder ─► ranks: rows of each step shared out ─► folder ─► policy

What goes to them and comes back are files. They tell of steps, warnings and errors by lines of
JSON on one pipe, and end when the other pipe does, so that none outlives this process whatever
becomes of it.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError

from rsft import errors
from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune.checkpoints import Checkpoints
from rsft.finetune.history import Training
from rsft.finetune.job import Job
from rsft.ledger import write_rows
from rsft.policy import load_policy, save_policy
from rsft.types import Progress, TrainingRow

logger = logging.getLogger("rsft")

RANKS = "rsft.finetune.ranks"
_HERE = Path(__file__).resolve().parents[2]
"""Where this very package is."""


def train_in_processes(
    job: Job,
    checkpoints: Checkpoints | None,
    resumed: Path | None,
    on_progress: Progress | None,
) -> Training:
    """Trains in ``finetune.processes`` processes; arguments and errors as ``train``.

    Args:
        job: The policy and its rows.
        checkpoints: Where the first process writes them.
        resumed: The checkpoint to go on from.
        on_progress: Told of the first process's steps.
    """
    device = job.policy.model.device
    if device.type == "cuda" and torch.cuda.device_count() < job.section.processes:
        raise ConfigurationError(
            f"processes = {job.section.processes}, and there are {torch.cuda.device_count()} GPUs; "
            "each process takes one"
        )
    with _exchange(checkpoints) as folder:
        _write_job(folder, job, checkpoints, resumed)
        _run_ranks(folder, job.section.processes, on_progress)
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


def _write_job(
    folder: Path, job: Job, checkpoints: Checkpoints | None, resumed: Path | None
) -> None:
    settings = {
        "section": job.section.model_dump(mode="json"),
        "seed": job.seed,
        "device": job.policy.model.device.type,
        "threads": _threads(job.section.processes),
        "checkpoints": None
        if checkpoints is None
        else {"folder": str(checkpoints.folder.resolve()), "plan": checkpoints.plan},
        "resumed": None if resumed is None else str(resumed.resolve()),
    }
    write_rows(folder / "rows.parquet", TrainingRow, job.rows)
    write_rows(folder / "heldout.parquet", TrainingRow, job.heldout)
    with written_into(folder):
        save_policy(job.policy, folder / "policy")
        if job.reference is not None:
            save_policy(job.reference, folder / "reference")
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")


def _threads(processes: int) -> int:
    """Kernel threads of each process: this one's, shared out."""
    return max(1, torch.get_num_threads() // processes)


def _run_ranks(folder: Path, processes: int, on_progress: Progress | None) -> None:
    """Starts the processes and hears them until the last has ended.

    Raises:
        RsftError: As one of them raised it.
        TrainingError: Where one of them was ended from outside.
    """
    ranks = subprocess.Popen(
        [sys.executable, "-P", "-m", RANKS, str(folder.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(processes),
        start_new_session=True,  # one group, which ends together; Ctrl-C is for this process
    )
    assert ranks.stdin is not None
    assert ranks.stdout is not None
    try:
        for line in ranks.stdout:
            _hear(json.loads(line), on_progress)
        if (status := ranks.wait()) != 0:
            raise TrainingError(
                f"the processes of training were ended from outside (exit status {status}); "
                "see whether memory sufficed, or set processes to 1"
            )
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(ranks.pid, signal.SIGKILL)
        ranks.wait()
        ranks.stdin.close()
        ranks.stdout.close()


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


def _environment(processes: int) -> dict[str, str]:
    """This process's, with the package on the path, and nothing that leaves the machine."""
    path = os.pathsep.join(filter(None, [str(_HERE), os.environ.get("PYTHONPATH", "")]))
    loopback = "lo" if sys.platform == "linux" else "lo0"
    return os.environ | {
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": str(_threads(processes)),  # else Accelerate sets threads of its own
        "GLOO_SOCKET_IFNAME": loopback,
        "NCCL_SOCKET_IFNAME": loopback,
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # a driver that was asked does not survive a fork
    }
