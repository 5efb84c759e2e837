"""What was taken in, a line of ``data/additions.jsonl`` each: from where, and what came of it."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ADDITIONS = Path("data/additions.jsonl")
"""What `rsft prompts add` and the watched folder took in, a line each; no stage reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A line that was not taken in."""

    line: int
    """Its number."""
    reason: str
    """Why, with the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What came of one file."""

    at: str
    """When, in ISO 8601."""
    source: str
    """The file's name, without its folder."""
    sha256: str
    """Of what was read of it."""
    new: int
    """Prompts that were added."""
    known: int
    """Prompts that were there already."""
    refused: int
    """Lines that were not taken in."""
    near: int
    """New prompts that share text with one that is evaluated on, as ``pool.contamination`` lets
    them."""
    total: int
    """Prompts of the training file now."""
    fingerprint: str
    """MD5 of the training file now, by which DVC has it; empty where there is none yet."""
    before: str
    """The same of the file as it was."""
    refusals: tuple[Refusal, ...]
    """The first lines that were not taken in; not kept in the journal."""

    def as_dict(self) -> dict[str, Any]:
        """The addition as JSON has it."""
        return asdict(self)


def write_addition(addition: Addition, journal: Path = ADDITIONS) -> None:
    """Adds a line to the journal."""
    told = addition.as_dict()
    del told["refusals"]
    # What a crash cut off ends here, and is left out when read.
    start = "" if not journal.exists() or journal.read_bytes()[-1:] in (b"", b"\n") else "\n"
    with journal.open("a", encoding="utf-8") as file:
        file.write(f"{start}{json.dumps(told)}\n")
        file.flush()
        os.fsync(file.fileno())


def read_additions(journal: Path = ADDITIONS) -> list[Mapping[str, Any]]:
    """The journal's lines, the oldest first."""
    if not journal.exists():
        return []
    found: list[Mapping[str, Any]] = []
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and {"before", "fingerprint"} <= entry.keys():
            found.append(entry)
    return found
