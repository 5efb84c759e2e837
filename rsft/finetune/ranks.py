"""The processes of a training run on one host.

    python -m rsft.finetune.ranks FOLDER

Torch and transformers are imported once, and each rank is forked off, before anything was computed.
Each reads its job in the folder; the first writes checkpoints and, in the end, the trained policy.
All of them end when standard input does, that is, with the process that started them.
"""

import ctypes
import json
import logging
import os
import shutil
import signal
import sys
import time
import traceback
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import torch

from rsft.config import FinetuneSection
from rsft.errors import RsftError
from rsft.finetune.checkpoints import Checkpoints, read_checkpoint
from rsft.finetune.job import Job
from rsft.finetune.processes import written_into
from rsft.finetune.reduction import LostError
from rsft.finetune.train import train_here
from rsft.ledger import read_rows
from rsft.policy import load_policy, save_policy
from rsft.types import TrainingRow

_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""
_CONSEQUENCE_SECONDS = 2.0
"""A rank that fails may do so because another was ended, which is to be told first."""


_out = os.dup(1)
"""Standard output as it was; what libraries print goes to standard error."""


def main() -> None:
    """Forks the ranks off and waits for them; ends them all where one fails."""
    os.dup2(2, 1)
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    own = range(settings["first"], settings["first"] + settings["here"])
    ranks = {_fork(rank, folder, settings): rank for rank in own}
    Thread(target=_end_with_input, args=(None if own.start == 0 else folder,), daemon=True).start()
    for _ in range(len(ranks)):
        process, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            name = signal.Signals(-code).name
            text = (
                f"process {ranks[process]} of training was ended by signal {name}; see whether "
                "memory sufficed, or set processes to 1"
            )
            _tell({"error": ["TrainingError", text]})
        if code != 0:
            os.killpg(0, signal.SIGKILL)


def _end_with_input(folder: Path | None) -> None:
    """Ends them all; of a host that only lends itself it removes what was sent there too."""
    os.read(0, 1)  # nothing is ever sent
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def _fork(rank: int, folder: Path, settings: dict[str, Any]) -> int:
    """Starts a rank; returns its process id."""
    launcher = os.getpid()
    if child := os.fork():
        return child
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != launcher:  # it ended before it could be told to take this one along
        os._exit(1)
    try:
        _train(rank, folder, settings)
    except RsftError as error:
        _tell({"error": [type(error).__name__, str(error)]})
        os._exit(1)
    except LostError as error:
        time.sleep(_CONSEQUENCE_SECONDS)
        text = f"process {rank} of training lost another one, or waited too long for it ({error})"
        _tell({"error": ["TrainingError", text]})
        os._exit(1)
    except BaseException:  # noqa: BLE001  # told to who started us
        traceback.print_exc()
        time.sleep(_CONSEQUENCE_SECONDS)
        _tell({"defect": f"process {rank} of training failed; its traceback is above"})
        os._exit(1)
    os._exit(0)


def _train(rank: int, folder: Path, settings: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    logging.getLogger("rsft").addHandler(_Warnings())
    place = rank - settings["first"]
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(place),
        "WORLD_SIZE": str(settings["section"]["processes"]),
        "LOCAL_WORLD_SIZE": str(settings["here"]),
        "MASTER_ADDR": settings["address"],
        "MASTER_PORT": str(settings["port"]),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # who started us listens there
    }
    device = torch.device("cpu")
    if settings["device"] == "cuda":
        device = torch.device("cuda", place)
        torch.cuda.set_device(device)
    torch.distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        timeout=settings["timeout"] and timedelta(seconds=settings["timeout"]),
    )
    job = _read_job(folder, settings, device)
    kept = settings["checkpoints"] if rank == 0 else None
    start = None if settings["resumed"] is None else read_checkpoint(Path(settings["resumed"]))
    training = train_here(
        job,
        None if kept is None else Checkpoints(Path(kept["folder"]), kept["plan"]),
        start,
        _tell_progress if rank == 0 else None,
    )
    if rank == 0:
        with written_into(folder):
            save_policy(job.policy, folder / "trained")
            text = json.dumps(training.as_dict())
            (folder / "training.json").write_text(text, encoding="utf-8")


def _read_job(folder: Path, settings: dict[str, Any], device: torch.device) -> Job:
    reference = folder / "reference"
    return Job(
        policy=load_policy(folder / "policy", device=device),
        rows=read_rows(folder / "rows.parquet", TrainingRow),
        section=FinetuneSection.model_validate(settings["section"]),
        seed=settings["seed"],
        reference=load_policy(reference, device=device) if reference.exists() else None,
        heldout=read_rows(folder / "heldout.parquet", TrainingRow),
    )


def _tell_progress(done: int, total: int, note: str = "") -> None:
    _tell({"progress": [done, total, note]})


def _tell(message: dict[str, Any]) -> None:
    """Writes a line at once, so that those of other ranks do not come between."""
    try:
        os.write(_out, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:  # who started us is gone, and so shall we be
        os._exit(1)


class _Warnings(logging.Handler):
    """Passes on what a rank logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Passes one record on."""
        _tell({"warning": record.getMessage()})


if __name__ == "__main__":
    main()
