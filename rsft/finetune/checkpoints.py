"""Checkpoints: everything that a killed run needs to go on to the same bits.

    <folder>/step-00000040/weights.safetensors     parameters that are trained
                           optimiser.safetensors   AdamW's moments and step of each
                           best.safetensors        with early stopping: parameters of the least loss
                           state.json              plan, history, SHA-256 of the files and of itself

A checkpoint appears whole or not at all, and the last two are kept. It belongs to a plan:
everything that the trained weights are a function of. One of another plan is never gone on with.
Random numbers need no state, since each has an address.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from rsft.finetune.history import History
from rsft.ledger import file_sha256

logger = logging.getLogger("rsft")

_KEPT = 2
_MOST_DIFFERENCES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A training run after some step."""

    history: History
    """What it has been through."""
    weights: Mapping[str, Tensor]
    """Trained parameters by name."""
    optimiser: Mapping[str, Tensor]
    """What the optimiser knows of each, by ``<name>.<what>``."""
    best: Mapping[str, Tensor] | None
    """Parameters after the step of the least held-out loss; null where none was measured."""


class Checkpoints:
    """The checkpoints of one training run."""

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        """Names the folder; nothing is read or written yet.

        Args:
            folder: Where they lie, together with whatever else belongs to the run alone.
            plan: Everything that the result is a function of, by name, as JSON.
        """
        # A link to a larger disk stays one: what is removed is what lies there.
        self.folder = folder.resolve() if folder.is_symlink() else folder
        self.plan: dict[str, Any] = json.loads(json.dumps(plan))

    def latest(self) -> Path | None:
        """The last checkpoint that is whole and of this plan; null where there is none.

        One that is torn is removed and said to be; those of another plan likewise.
        """
        for leftover in self.folder.glob(".step-*.tmp"):
            _remove(leftover)
        for folder in reversed(self._folders()):
            try:
                state = _read_state(folder)
            except _TornError as torn:
                logger.warning("%s: %s; the checkpoint before it is used", folder, torn)
                _remove(folder)
                continue
            if state["plan"] == self.plan:
                return folder
            logger.warning(
                "%s: a checkpoint of another training (%s); it is removed, and training begins "
                "anew",
                folder,
                _differences(state["plan"], self.plan),
            )
            self.remove()
            return None
        return None

    def write(self, checkpoint: Checkpoint) -> None:
        """Adds a checkpoint, whole or not at all; where it cannot be written, that is said.

        Training goes on without it: what it is to come to does not depend on checkpoints.
        """
        name = f"step-{checkpoint.history.steps:08d}"
        temporary = self.folder / f".{name}.tmp"
        try:
            temporary.mkdir(parents=True)
            self._fill(temporary, checkpoint)
            temporary.replace(self.folder / name)
            _sync(self.folder)
        except (OSError, SafetensorError) as error:
            reason = getattr(error, "strerror", None) or error
            logger.warning(
                "%s: cannot be written (%s); training goes on without it: make room",
                self.folder / name,
                reason,
            )
            shutil.rmtree(temporary, ignore_errors=True)
            return
        for old in self._folders()[:-_KEPT]:
            _remove(old)

    def remove(self) -> None:
        """Removes them all, and the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _fill(self, folder: Path, checkpoint: Checkpoint) -> None:
        parts = {"weights": checkpoint.weights, "optimiser": checkpoint.optimiser}
        if checkpoint.best is not None:
            parts["best"] = checkpoint.best
        hashes = {}
        for name, tensors in parts.items():
            file = folder / f"{name}.safetensors"
            save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, file)
            hashes[file.name] = file_sha256(file)
            _sync(file)
        state = {"plan": self.plan, "history": asdict(checkpoint.history), "files": hashes}
        file = folder / "state.json"
        text = json.dumps({"state": state, "sha256": _sha256_of(state)}, indent=1)
        file.write_text(text + "\n", encoding="utf-8")
        _sync(file)
        _sync(folder)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Reads a checkpoint that ``Checkpoints.latest`` has proven."""
    state = _read_state(folder)
    history = state["history"]
    history["heldout_loss"] = [(step, loss) for step, loss in history["heldout_loss"]]
    best = folder / "best.safetensors"
    return Checkpoint(
        history=History(**history),
        weights=load_file(folder / "weights.safetensors"),
        optimiser=load_file(folder / "optimiser.safetensors"),
        best=load_file(best) if best.name in state["files"] else None,
    )


class _TornError(Exception):
    """A checkpoint that is not what was written."""


def _read_state(folder: Path) -> dict[str, Any]:
    """The state of a checkpoint whose files are those that were written."""
    with _torn_where_unreadable():
        content = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        state: dict[str, Any] = content["state"]
        if _sha256_of(state) != content["sha256"]:
            raise _TornError("state.json is not the one that was written (its hash differs)")
        for name, expected in state["files"].items():
            if file_sha256(folder / name) != expected:
                raise _TornError(f"{name} is not the one that was written (its hash differs)")
        return state


@contextlib.contextmanager
def _torn_where_unreadable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        missing = error.errno == errno.ENOENT
        name = Path(str(error.filename)).name
        raise _TornError(f"{name} {'is missing' if missing else 'cannot be read'}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _TornError("state.json is not a checkpoint's") from None


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What two plans differ in, in one line."""
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    told = [f"{name} {_short(old.get(name))} ≠ {_short(new.get(name))}" for name in names]
    more = len(told) - _MOST_DIFFERENCES
    return ", ".join(told[:_MOST_DIFFERENCES]) + (f" and {more} more" if more > 0 else "")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 20 else f"{text[:8]}…"


def _remove(path: Path) -> None:
    """Removes what a checkpoint's name is given to, be it a folder or not."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sha256_of(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _sync(path: Path) -> None:
    """Has the disk hold what was written, or a folder's names."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
