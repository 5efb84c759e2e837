"""What is to be forgotten, by hash alone: the file must not hold what it is about.

    {"kind": "prompt", "hash": …, "id": …, "by_id": false, "reason": null, "at": …}
    {"kind": "source", "hash": …, "id": null, "by_id": false, "reason": "licence", "at": …}

One entry a line of ``data/forgotten.jsonl``; ``rsft forget`` adds them. A prompt is known by its
question, writing aside (``folding``): under any id, from any file, and where a dialogue goes on
from it. What a system's turn says does not matter. It is known by its id too where its source gave
that: a number of ours is another prompt's once a line before it is gone.

A hash tells nobody what it is of, but whoever knows the text can see that it is in the list.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from rsft.config import FORGOTTEN, Section
from rsft.errors import PromptsError
from rsft.prompts.folding import fold
from rsft.types import Prompt, Turn

Kind = Literal["prompt", "source", "family", "licence"]

VALUES: tuple[Kind, ...] = ("source", "family", "licence")
"""Kinds that are a field of a prompt."""

_MADE_HERE = "embedded"
"""Source of the prompts whose ids and texts follow from the seed."""


class Forgotten(Section):
    """One thing to be forgotten."""

    kind: Kind
    """What it is."""
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    """Of a prompt's question, or of the source, family or licence."""
    id: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """Hash of the id that the prompt had when it was named; null for other kinds, or without."""
    by_id: bool = False
    """Whether a prompt of that id is forgotten, whatever its text."""
    reason: str | None = None
    """Why, as the person said."""
    at: str
    """When, in ISO 8601."""


class Forgetting:
    """A list of what is to be forgotten, held against prompts."""

    def __init__(self, entries: Sequence[Forgotten]) -> None:
        self._hashes = {(entry.kind, entry.hash) for entry in entries}
        self._ids = {entry.id for entry in entries if entry.by_id}

    def names(self, prompt: Prompt) -> bool:
        """Whether a prompt is to be forgotten."""
        if not self._hashes:
            return False
        if digest("id", prompt.prompt_id) in self._ids:
            return True
        values = [(kind, digest(kind, getattr(prompt, kind))) for kind in VALUES]
        asked = [("prompt", found) for found in question_digests(prompt.text, prompt.context)]
        return any(known in self._hashes for known in (*values, *asked))


def leave_out(
    splits: Mapping[str, Sequence[Prompt]], entries: Sequence[Forgotten]
) -> tuple[dict[str, list[Prompt]], dict[str, int]]:
    """The prompts that are not to be forgotten, and by split how many are."""
    forgetting = Forgetting(entries)
    left = {
        split: [prompt for prompt in prompts if not forgetting.names(prompt)]
        for split, prompts in splits.items()
    }
    return left, {split: len(prompts) - len(left[split]) for split, prompts in splits.items()}


def question_digests(text: str, context: Sequence[Turn]) -> list[str]:
    """Hashes of the questions in a prompt, its own last: the dialogue up to each user's turn."""
    turns = [turn for turn in context if turn.role != "system"]
    said = [fold(turn.content) or turn.content.strip() for turn in turns]
    said.append(fold(text) or text.strip())
    is_asked = [*(turn.role == "user" for turn in turns), True]
    return [
        digest("prompt", json.dumps(said[: place + 1]))
        for place, asked in enumerate(is_asked)
        if asked
    ]


def is_named_by_source(prompt: Prompt) -> bool:
    """Whether a prompt's id is its source's own, and not a number given here."""
    stem, _, number = prompt.prompt_id.rpartition("-")
    is_number = stem == Path(prompt.source).stem and number.isdecimal()
    return not is_number and prompt.source != _MADE_HERE


def digest(kind: str, text: str) -> str:
    """SHA-256 of a text of some kind."""
    return hashlib.sha256(f"{kind}\0{text}".encode(errors="surrogatepass")).hexdigest()


def read_forgotten(file: Path = FORGOTTEN) -> list[Forgotten]:
    """What is to be forgotten.

    Raises:
        PromptsError: Where the file is missing, or a line is no entry: nothing that was to go may
            come back by a slip.
    """
    try:
        return list(parse_forgotten(file.read_text(encoding="utf-8"), str(file)))
    except OSError as error:
        raise PromptsError(
            f"{file}: cannot be read ({error.strerror}); restore it with git, or make an empty one "
            "where nothing was ever forgotten"
        ) from None
    except UnicodeDecodeError as error:
        raise PromptsError(
            f"{file}: not UTF-8 at byte {error.start}; restore it with git"
        ) from None


def parse_forgotten(text: str, name: str) -> Iterator[Forgotten]:
    """The entries of a file's text; ``name`` is what messages call it."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield Forgotten.model_validate_json(line)
        except ValidationError as failure:
            problem = failure.errors(include_url=False)[0]["msg"]
            raise PromptsError(
                f"{name}:{number}: no entry of what is to be forgotten ({problem}); restore it "
                "with git, and let `rsft forget` write it"
            ) from None


def add_forgotten(entry: Forgotten, file: Path = FORGOTTEN) -> bool:
    """Adds an entry, unless the same thing is in the list already; whether it was added.

    Raises:
        PromptsError: As ``read_forgotten``.
    """
    same = {"kind", "hash", "by_id"}
    if any(
        old.model_dump(include=same) == entry.model_dump(include=same)
        for old in read_forgotten(file)
    ):
        return False
    text = file.read_text(encoding="utf-8")
    end = "" if not text or text.endswith("\n") else "\n"
    temporary = file.with_suffix(".tmp")
    temporary.write_text(f"{text}{end}{entry.model_dump_json()}\n", encoding="utf-8")
    temporary.replace(file)
    return True
