"""What following something through runs comes to."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rsft.lineage import RunRecord
from rsft.rows.address import RowAddress
from rsft.rows.models import TrainedModel
from rsft.rows.naming import Found, Wanted

State = Literal["holds", "none", "free", "not_free", "unproven", "purged", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A file that has something of it."""

    path: str
    """Where it lay in the workspace."""
    hash: str
    """Its MD5: the object that holds it."""
    rows: int
    """Rows; of a document, texts."""
    traces: tuple[str, ...]
    """The kinds of trace (``rsft.rows.scanning``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrace:
    """What a run has of it."""

    run: RunRecord
    """The run."""
    state: State
    """``holds`` it; ``none``: it is not among the run's prompts; ``free``: the run was told to
    forget it, and every table was looked through in vain; ``not_free``: not in vain; ``unproven``:
    in vain, but some can no longer be read; ``purged``: what the run had of it was deleted by
    record; ``unknown``: the run's prompts can no longer be read."""
    prompts: tuple[Found, ...] = ()
    """The prompts that are it."""
    files: tuple[Holding, ...] = ()
    """The files that have something of it."""
    accepted: tuple[RowAddress, ...] = ()
    """Its accepted candidates, and its labelled rows."""
    models: tuple[TrainedModel, ...] = ()
    """The models that learnt from it."""
    looked_through: int = 0
    """Files that were looked through."""
    unread: tuple[str, ...] = ()
    """Data sets and files that could not be, for they were purged, or are missing or broken."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run_id": self.run.run_id,
            "tagged_at": self.run.tagged_at,
            "state": self.state,
            "prompts": [
                {"prompt_id": found.prompt.prompt_id, "split": found.split}
                for found in self.prompts
            ],
            "files": [asdict(holding) for holding in self.files],
            "accepted": list(map(str, self.accepted)),
            "models": [asdict(model) for model in self.models],
            "looked_through": self.looked_through,
            "unread": list(self.unread),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where something went."""

    wanted: Wanted
    """What."""
    forgotten_at: str | None
    """Since when it is to be forgotten; null where it is not."""
    runs: Sequence[RunTrace]
    """Every run, the oldest first."""
    spoilt: Sequence[str]
    """Tags of runs that say nothing that can be read: what they have of it is not known."""

    @property
    def problems(self) -> list[str]:
        """Of each of these tags what that means, and what to do about it."""
        return [
            f"{tag}: its manifest is none, so what it has of it is not known; `git fetch --tags "
            "--force` from a sound copy brings it back"
            for tag in self.spoilt
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.wanted.kind,
            "name": self.wanted.name,
            "hash": self.wanted.hash,
            "text": None if self.wanted.prompt is None else self.wanted.prompt.text,
            "forgotten_at": self.forgotten_at,
            "runs": [run.as_dict() for run in self.runs],
            "spoilt": self.problems,
        }
