"""Which prompts a workspace has already, of any number, in bounded memory.

An index on disk of hashes: of ids, of questions, and of questions that are evaluated on. Two
prompts are the same where question, choices and gold answers are; writing aside, as the splits of a
run are compared (``rsft.prompts.splits``).
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from rsft.prompts.splits import question
from rsft.types import Prompt

Kind = Literal["id", "asked", "evaluated"]


class _Keys(NamedTuple):
    """What a prompt is known by, but for its id."""

    question: str
    """What it asks."""
    asked: str
    """The same with what there is to choose from."""
    content: bytes
    """The same with its answers."""


class Known:
    """Prompts by id and by question, and where each stands."""

    def __init__(self) -> None:
        # Without a name it is a file of its own, which goes when it is closed.
        self._tables = sqlite3.connect("")
        self._tables.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, content BLOB, place TEXT) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Deletes the index."""
        self._tables.close()

    def add(self, prompt: Prompt, place: str) -> None:
        """Adds a training prompt; the first of several counts."""
        keys = _keys(prompt)
        self._put("id", prompt.prompt_id, keys.content, place)
        self._put("asked", keys.asked, keys.content, place)

    def add_evaluated(self, prompts: Iterable[Prompt], file: Path) -> None:
        """Adds prompts that are evaluated on."""
        for prompt in prompts:
            place = f"prompt {prompt.prompt_id!r} of {file}"
            self._put("id", prompt.prompt_id, b"", place)
            self._put("evaluated", _keys(prompt).question, b"", place)

    def holder_of(self, prompt_id: str) -> str | None:
        """Where an id stands; null where nowhere."""
        found = self._get("id", prompt_id)
        return None if found is None else found[1]

    def judge(self, prompt: Prompt, *, is_named: bool) -> str | None:
        """What stands against a prompt.

        Args:
            prompt: A prompt that is to be trained on.
            is_named: Whether its id is its own, and not only a number.

        Returns:
            Null for nothing; empty where it is known; else why it cannot be taken in.
        """
        keys = _keys(prompt)
        same = self._get("id", prompt.prompt_id) if is_named else None
        if same is not None:
            if same[0] == keys.content:
                return ""
            return (
                f"id {prompt.prompt_id!r} is taken by {same[1]}, which asks or answers something "
                "else; give it one of its own"
            )
        measured = self._get("evaluated", keys.question)
        if measured is not None:
            return f"it is {measured[1]}, which is evaluated on"
        same = self._get("asked", keys.asked)
        if same is None or same[0] == keys.content:
            return None if same is None else ""
        return f"it asks what {same[1]} asks, with other answers; correct that one by hand"

    def _put(self, kind: Kind, name: str, content: bytes, place: str) -> None:
        row = (_digest(kind, name), content, place)
        self._tables.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", row)

    def _get(self, kind: Kind, name: str) -> tuple[bytes, str] | None:
        asked = "SELECT content, place FROM seen WHERE key = ?"
        found: tuple[bytes, str] | None = self._tables.execute(
            asked, (_digest(kind, name),)
        ).fetchone()
        return found


def _keys(prompt: Prompt) -> _Keys:
    asked = json.dumps(question(prompt))
    with_choices = f"{asked}{json.dumps(prompt.choices)}"
    content = _digest("content", f"{with_choices}{json.dumps(prompt.answers)}")
    return _Keys(question=asked, asked=with_choices, content=content)


def _digest(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"{kind}\0{text}".encode()).digest()[:16]
