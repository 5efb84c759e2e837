"""The record: what was registered, judged, promoted and rolled back, as annotated git tags.

    NAME@vN.0.0           version N was registered          (GTO's form; at its run's commit)
    NAME#champion#K       the K-th change of what serves    (GTO's form; a promotion or a rollback)
    verdict/NAME/vN/K     the K-th verdict on version N, also where it was *no*

The tag is the commit point: MLflow's alias is a pointer that is brought in line with it. Each tag
says who and when by itself; its message is a title, and a JSON document with the rest. GTO reads
them; ``recording`` writes them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from rsft.lineage.git import run_git
from rsft.lineage.workspace import Workspace

Kind = Literal["registered", "judged", "promoted", "rolled_back"]

_REGISTERED = re.compile(r"(?P<name>[^@#/]+)@v(?P<version>[1-9]\d*)\.0\.0")
_SERVING = re.compile(r"(?P<name>[^@#/]+)#champion#(?P<number>[1-9]\d*)")
_JUDGED = re.compile(r"verdict/(?P<name>[^@#/]+)/v(?P<version>[1-9]\d*)/(?P<number>[1-9]\d*)")

_FORMS: Mapping[Kind, tuple[re.Pattern[str], set[str]]] = {
    "registered": (_REGISTERED, {"run_id", "model_hash"}),
    "judged": (_JUDGED, {"run_id", "is_promoted", "reason", "against"}),
    "promoted": (_SERVING, {"run_id", "reason", "against"}),
    "rolled_back": (_SERVING, {"run_id", "reason", "against"}),
}
"""The name of an entry's tag, and what the entry has at least."""

_PLACES = ("refs/tags/*@v*", "refs/tags/*#champion#*", "refs/tags/verdict/")
"""Where git looks for them: it need not open the tags of a thousand runs."""

_FIELDS = (
    "refname:strip=2",
    "*objectname",
    "taggerdate:iso-strict",
    "taggername",
    "taggeremail:trim",
    "contents:body",
)


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
    """The rest: ``run_id`` always. Of a registration ``model_hash``, and ``package_md5`` (hash of
    the list of what MLflow keeps beside the model, or null); of a verdict ``is_promoted``,
    ``reason``, ``against`` (version compared with, or null), ``evaluation`` (as in the manifest),
    ``prompts`` (hash by set), ``judgement`` (digest of all that it goes by), ``looks`` (number by
    set) and the figures; of a promotion ``reason``, ``against``, ``approved_by`` (or null); of a
    rollback ``reason`` and ``against`` (the version that served till then)."""


def read_record(workspace: Workspace, name: str | None = None) -> list[Entry]:
    """The entries, the oldest first.

    Args:
        workspace: A checkout that has the tags.
        name: Of one registered model; null for all.
    """
    form = "%00".join(f"%({field})" for field in _FIELDS)
    listed = run_git(workspace.root, "for-each-ref", f"--format={form}%00", *_PLACES)
    fields = listed.split("\0")[:-1]
    rows = zip(*(fields[place :: len(_FIELDS)] for place in range(len(_FIELDS))), strict=True)
    entries = [entry for row in rows if (entry := _entry(row)) is not None]
    entries.sort(key=lambda entry: (datetime.fromisoformat(entry.at), entry.number))
    return [entry for entry in entries if name in (None, entry.name)]


def in_service(record: Sequence[Entry], name: str) -> Entry | None:
    """The entry by which a model's champion serves, or None where none does yet."""
    return max(_changes(record, name), key=lambda entry: entry.number, default=None)


def contending(record: Sequence[Entry], name: str) -> Entry | None:
    """The registration of the model that contends: the latest, unless it has been in service."""
    registered = [e for e in record if e.name == name and e.kind == "registered"]
    latest = max(registered, key=lambda entry: entry.version, default=None)
    if latest is None or latest.version in {e.version for e in _changes(record, name)}:
        return None
    return latest


def before_champion(record: Sequence[Entry], name: str) -> int | None:
    """The version that served before the present champion was promoted, or None where none did.

    A rollback takes the champion away for good: the next one goes back one further. A promotion of
    the very model that serves, under another number, is none: what served before it did so before
    that, too. Where entries lack, what served is told by those after them; None, too, where they do
    not tell enough.
    """
    served: list[_Served] = []
    own = [e for e in record if e.name == name and e.kind == "registered"]
    models = {e.version: e.details["model_hash"] for e in own}
    for change in sorted(_changes(record, name), key=lambda entry: entry.number):
        before = change.details["against"]
        _leave_off_at(served, before)
        if change.kind == "rolled_back":
            del served[-1:]
            _leave_off_at(served, change.version)
            continue
        if before in models and models[before] == models.get(change.version):
            before = served.pop().before if served else None
        served.append(_Served(change.version, before))
    return served[-1].before if served else None


def missing_entries(record: Sequence[Entry], name: str) -> list[str]:
    """Tags that lack in a model's record, as the numbers of those after them tell."""
    own = [entry for entry in record if entry.name == name]
    return [
        f"{beginning}{number}"
        for beginning, numbers in numbered_entries(own).items()
        for number in range(1, max(numbers))
        if number not in numbers
    ]


def numbered_entries(record: Sequence[Entry]) -> dict[str, set[int]]:
    """Numbers by the beginning of their tags, of all entries that are numbered from 1."""
    found: dict[str, set[int]] = {}
    for entry in record:
        if entry.kind != "registered":
            found.setdefault(entry.tag.removesuffix(str(entry.number)), set()).add(entry.number)
    return dict(sorted(found.items()))


class _Served(NamedTuple):
    """A version that was promoted."""

    version: int
    """Its number."""
    before: int | None
    """The version that served before; null for none."""


def _leave_off_at(served: list[_Served], version: int | None) -> None:
    """Takes away promotions until the last one is of a version."""
    while served and served[-1].version != version:
        served.pop()


def _changes(record: Sequence[Entry], name: str) -> list[Entry]:
    return [e for e in record if e.name == name and e.kind in ("promoted", "rolled_back")]


def _entry(fields: Sequence[str]) -> Entry | None:
    """An entry, or None for another's tag: of no such form, not annotated, or without our JSON."""
    told_of = [field.lstrip("\n").encode(errors="replace").decode() for field in fields]
    tag, commit, at, name, address, body = told_of
    try:
        told = json.loads(body)
        kind = told.pop("kind")
        form, needed = _FORMS[kind]
        version = told.pop("version")
        at = datetime.fromisoformat(at).isoformat()  # some gits write Z, others +00:00
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    found = form.fullmatch(tag)
    if found is None or not commit or type(version) is not int or not needed <= told.keys():
        return None
    if told.get("against") is not None and type(told["against"]) is not int:
        return None
    parts = found.groupdict()
    if int(parts.get("version", version)) != version:
        return None
    return Entry(
        kind=kind,
        name=parts["name"],
        version=version,
        number=int(parts.get("number", 1)),
        tag=tag,
        commit=commit,
        at=at,
        by=f"{name} <{address}>",
        details=told,
    )
