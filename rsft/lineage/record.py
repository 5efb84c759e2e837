"""The record: what was registered, judged, promoted and rolled back, as annotated git tags.

    NAME@vN.0.0           version N was registered          (GTO's form; at its run's commit)
    NAME#champion#K       the K-th change of what serves    (GTO's form; a promotion or a rollback)
    verdict/NAME/vN/K     the K-th verdict on version N, also where it was *no*

The tag is the commit point: MLflow's alias is a pointer that is brought in line with it. Each tag
says who and when by itself; its message is a title, and a JSON document with the rest.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rsft.lineage.git import run_git
from rsft.lineage.workspace import Workspace

Kind = Literal["registered", "judged", "promoted", "rolled_back"]

_TAGS = (
    re.compile(r"(?P<name>[^@#]+)@v(?P<version>\d+)\.0\.0"),
    re.compile(r"(?P<name>[^@#]+)#champion#(?P<number>\d+)"),
    re.compile(r"verdict/(?P<name>.+)/v(?P<version>\d+)/(?P<number>\d+)"),
)

_FIELDS = "%1f".join(
    f"%({field})"
    for field in (
        "refname:strip=2",
        "*objectname",
        "taggerdate:iso-strict",
        "taggername",
        "taggeremail:trim",
        "contents:body",
    )
)
_END = "%1e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the record."""

    kind: Kind
    """What happened."""
    name: str
    """The registered model."""
    version: int
    """Its version, numbered as in MLflow."""
    number: int
    """Of its kind, from 1: of a version's verdicts, of the changes of what serves; a registration
    has 1."""
    tag: str
    """The git tag that is this entry."""
    commit: str
    """The commit it points at: that of the version's run."""
    at: str
    """When, in ISO 8601."""
    by: str
    """Who: name and address."""
    details: Mapping[str, Any]
    """The rest: ``run_id`` always. Of a registration ``model_hash``; of a verdict
    ``is_promoted``, ``reason``, ``against`` (version compared with, or null), ``evaluation`` (hash
    of the evaluation prompts), ``look`` (the how-many-th at them) and the figures; of a promotion
    ``reason``, ``against``, ``approved_by`` (or null); of a rollback ``reason`` and ``against``."""


def read_record(workspace: Workspace, name: str | None = None) -> list[Entry]:
    """The entries, the oldest first.

    Args:
        workspace: A checkout that has the tags.
        name: Of one registered model; null for all.
    """
    listed = run_git(
        workspace.root,
        *("for-each-ref", f"--format={_FIELDS}{_END}", "--sort=taggerdate", "refs/tags"),
    )
    entries = [_entry(part.lstrip("\n").split("\x1f")) for part in listed.split("\x1e")[:-1]]
    return [e for e in entries if e is not None and name in (None, e.name)]


def in_service(record: Sequence[Entry], name: str) -> Entry | None:
    """The entry by which a model's champion serves, or None where none does yet."""
    changes = [e for e in record if e.name == name and e.kind in ("promoted", "rolled_back")]
    return max(changes, key=lambda entry: entry.number, default=None)


def _entry(fields: Sequence[str]) -> Entry | None:
    matched = [match for pattern in _TAGS if (match := pattern.fullmatch(fields[0]))]
    if not matched or not fields[1]:
        return None  # another's tag, or one that is not annotated
    try:
        told = json.loads(fields[5])
    except ValueError:
        return None
    found = matched[0].groupdict()
    return Entry(
        kind=told.pop("kind"),
        name=found["name"],
        version=told.pop("version"),
        number=int(found.get("number", 1)),
        tag=fields[0],
        commit=fields[1],
        at=fields[2],
        by=f"{fields[3]} <{fields[4]}>",
        details=told,
    )
