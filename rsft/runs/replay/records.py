"""What a replay finds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDifference:
    """A file that is not what was recorded."""

    path: str
    """Where in the output, with ``/``; empty where the output is one file."""
    how: str
    """How it differs, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutReplay:
    """An output, recorded and rebuilt."""

    path: str
    """The output."""
    recorded: str
    """Hash that the run recorded."""
    rebuilt: str | None
    """Hash of what the replay made; null where it made nothing."""
    differences: Sequence[FileDifference]
    """What differs; empty where the hashes are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReplay:
    """What a replay found of a stage."""

    name: str
    """Its name in ``dvc.yaml``."""
    state: Literal["same", "differs", "failed"]
    """Whether all outputs have the recorded hashes; ``failed`` where it did not end."""
    seconds: float
    """Time that its function took."""
    outs: Sequence[OutReplay]
    """Its outputs; none where it failed."""
    error: str | None
    """What was in its way; null where it ended."""
    on_rebuilt: Sequence[str]
    """Inputs that were not as recorded: they had come out otherwise, and the cache does not hold
    what was recorded."""
    kept: int
    """Objects of its outputs that the cache lacked and holds again, where that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a run had and is another here."""

    what: str
    """A package, ``python``, ``platform`` or ``threads``."""
    then: str
    """As the run recorded it."""
    now: str | None
    """As it is here; null where it is not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A replay that has ended."""

    run_id: str
    """The run."""
    commit: str
    """The commit that its tag points at."""
    environment: Sequence[Changed]
    """What differs between the machine of then and this one."""
    stages: Sequence[StageReplay]
    """The stages that were rebuilt, in order."""

    @property
    def is_same(self) -> bool:
        """Whether everything came out as it was recorded."""
        return all(stage.state == "same" for stage in self.stages)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"is_same": self.is_same}
