"""What an audit finds, and what it looked at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal[
    "object",
    "lock",
    "edge",
    "settings",
    "code",
    "marked",
    "rows",
    "expectations",
    "registration",
    "artifact",
    "alias",
    "record",
    "checkout",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not what the record says."""

    kind: Kind
    """The check that found it."""
    what: str
    """What differs: the run, the stage, the file."""
    expected: str
    """What the record says."""
    found: str
    """What is there."""
    remedy: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashing:
    """How much was hashed again in a place."""

    place: str
    """The cache, a remote, the registry, the checkout."""
    objects: int
    """Files hashed."""
    bytes: int
    """Bytes read."""
    seconds: float
    """Time it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit says."""

    runs: Sequence[str]
    """Tags of the runs audited."""
    checked: Mapping[str, int]
    """How many things each kind of check compared."""
    hashed: Sequence[Hashing]
    """What was hashed again."""
    findings: Sequence[Finding]
    """What differs: with any, nothing is proven."""
    notes: Sequence[Finding]
    """What is not as it might be though no record is false: purged by record, in one place only."""
    seconds: float
    """Time it took."""

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"passed": self.passed, **asdict(self)}


@dataclass(kw_only=True)
class Findings:
    """The findings of an audit under way."""

    checked: Counter[str] = field(default_factory=Counter)
    """How many things each kind of check compared."""
    hashed: list[Hashing] = field(default_factory=list)
    """What was hashed again."""
    findings: list[Finding] = field(default_factory=list)
    """What differs."""
    notes: list[Finding] = field(default_factory=list)
    """What is told though no record is false."""

    def compare(self, kind: Kind, what: str, *, expected: Any, found: Any, remedy: str) -> None:
        """Counts a comparison, and adds a finding where the two differ."""
        self.checked[kind] += 1
        if expected != found:
            self.add(kind, what, expected=_shown(expected), found=_shown(found), remedy=remedy)

    def add(self, kind: Kind, what: str, *, expected: str, found: str, remedy: str) -> None:
        """Adds a finding."""
        self.findings.append(
            Finding(kind=kind, what=what, expected=expected, found=found, remedy=remedy)
        )

    def note(self, kind: Kind, what: str, *, expected: str, found: str, remedy: str) -> None:
        """Adds a note."""
        self.notes.append(
            Finding(kind=kind, what=what, expected=expected, found=found, remedy=remedy)
        )


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
