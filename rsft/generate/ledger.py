"""The candidate ledger: everything drawn under one plan, kept outside the stage's outputs.

    .rsft/ledger/<plan>/_manifest.json     the plan, and size and SHA-256 of each part
                        part-00000.parquet  candidates, each with its whole key; never changed

A row is keyed by prompt, policy version, law, seed, round and draw. The plan fixes all but prompt
and draw (and the code and libraries that draw), so rows of another plan lie in another folder. A
part says in its own metadata whose draws it holds and under which plan; it appears whole or not
at all, so that a killed run repeats at most the part in flight, and more draws per prompt, or more
prompts, only add parts. Any Parquet reader reads the folder as one table.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rsft.errors import LedgerError
from rsft.generate.engine import Request, lacking
from rsft.generate.part_index import PartIndex
from rsft.ledger import file_sha256, rows_of, schema_of, table_of, write_table
from rsft.types import Candidate, Prompt

_METADATA = b"rsft"
_Key = tuple[str, str]
"""A prompt's id and hash."""
_REMEDY = "remove it and run again, and its rows are drawn anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow(Candidate):
    """A candidate with what it is keyed by."""

    prompt_hash: str
    """Hash of the prompt as it was asked: another text under the same id is another prompt."""
    seed: int
    """The run's."""
    plan: str
    """Hash of the law and of everything else that the row is a function of; see the manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Draws of one prompt that lie together in a part."""

    part: str
    first_row: int
    draws: range


class CandidateLedger:
    """Candidates drawn so far under a plan."""

    def __init__(self, root: Path, plan: dict[str, Any], seed: int) -> None:
        """Opens the ledger of a plan, or makes it, and proves its parts.

        Args:
            root: Folder of all ledgers.
            plan: Everything that a row is a function of beside its prompt and draw, as JSON.
            seed: The run's, which every row carries.

        Raises:
            LedgerError: Naming a part that is corrupt, was changed, or is of another plan.
        """
        text = json.dumps(plan, sort_keys=True)
        self._plan = hashlib.sha256(text.encode()).hexdigest()[:20]
        self._seed = seed
        self.folder = root / self._plan
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob(".*.tmp"):
                leftover.unlink()
        except OSError as error:
            raise LedgerError(
                f"{self.folder}: cannot be used ({error.strerror}); make room, or remove what is "
                "in its way, and run again"
            ) from None
        self._manifest: dict[str, Any] = {"plan": plan, "parts": {}}
        self._index = PartIndex()
        listed = self._read_manifest()
        for file in sorted(self.folder.glob("*.parquet")):
            self._enter(file, listed.get(file.name))
        if listed.keys() - self._manifest["parts"].keys():
            self._write_manifest()  # else a part that takes a removed one's name looks changed

    def missing(self, requests: Iterable[Request]) -> list[Request]:
        """What of some requests is not in the ledger yet."""
        asked = list(requests)
        spans = self._spans_of(asked)
        missing = []
        for request in asked:
            held = {draw for span in spans[_key(request.prompt)] for draw in span.draws}
            missing += lacking(request, held)
        return missing

    def append(self, requests: Sequence[Request], candidates: Sequence[Candidate]) -> None:
        """Adds a part, whole or not at all.

        Args:
            requests: What was asked for.
            candidates: All draws of the first request, then of the next.

        Raises:
            LedgerError: Where the part cannot be written.
        """
        hashes = [prompt_hash(request.prompt) for request in requests]
        of_row = [
            hash_ for request, hash_ in zip(requests, hashes, strict=True) for _ in request.draws
        ]
        rows = [
            LedgerRow(
                **{name: getattr(candidate, name) for name in _CANDIDATE},
                prompt_hash=hash_,
                seed=self._seed,
                plan=self._plan,
            )
            for candidate, hash_ in zip(candidates, of_row, strict=True)
        ]
        contents = {
            "plan": self._plan,
            "draws": [
                [request.prompt.prompt_id, hash_, request.draws.start, request.draws.stop]
                for request, hash_ in zip(requests, hashes, strict=True)
            ],
        }
        table = table_of(LedgerRow, rows).replace_schema_metadata(
            {_METADATA: json.dumps(contents).encode()}
        )
        file = self.folder / f"part-{len(self._manifest['parts']):05d}.parquet"
        while file.exists():
            file = file.with_name(f"part-{int(file.stem[5:]) + 1:05d}.parquet")
        write_table(file, table)
        self._enter(file, None)

    def take(self, requests: Sequence[Request]) -> list[Candidate]:
        """The candidates of some requests, all of which are in the ledger.

        Returns:
            All draws of the first request, then of the next.
        """
        return rows_of(self._table(requests), Candidate)

    def write(self, requests: Sequence[Request], file: Path) -> None:
        """Writes candidates, all of which are in the ledger, in the order asked for.

        Args:
            requests: What is wanted.
            file: Where to; it does not depend on the parts that they lie in.

        Raises:
            LedgerError: Where the file cannot be written.
        """
        write_table(file, self._table(requests))

    def _table(self, requests: Sequence[Request]) -> pa.Table:
        schema = schema_of(Candidate)
        spans = self._spans_of(requests)
        places = []
        for request in requests:
            held = spans[_key(request.prompt)]
            for draw in request.draws:
                span = next(span for span in held if draw in span.draws)
                places.append((span.part, span.first_row + draw - span.draws.start))
        names = sorted({part for part, _ in places})
        if not names:
            return schema.empty_table()
        tables, first_row, rows = [], {}, 0
        for name in names:
            tables.append(pq.read_table(self.folder / name, columns=schema.names))
            first_row[name] = rows
            rows += tables[-1].num_rows
        whole = pa.concat_tables(tables).cast(schema)
        taken = whole.take(pa.array([first_row[name] + row for name, row in places], pa.int64()))
        return taken.replace_schema_metadata(None).combine_chunks()

    def _spans_of(self, requests: Sequence[Request]) -> dict[_Key, list[_Span]]:
        """Where the draws of each prompt lie; parts say it themselves, and are asked anew."""
        spans: dict[_Key, list[_Span]] = {_key(request.prompt): [] for request in requests}
        names = list(self._manifest["parts"])
        for name in (names[part] for part in self._index.parts_of(spans)):
            row = 0
            for prompt_id, hash_, start, stop in _contents(self.folder / name)["draws"]:
                if (prompt_id, hash_) in spans:
                    span = _Span(part=name, first_row=row, draws=range(start, stop))
                    spans[prompt_id, hash_].append(span)
                row += stop - start
        return spans

    def _read_manifest(self) -> dict[str, Any]:
        file = self.folder / "_manifest.json"
        if not file.exists():
            return {}
        try:
            return dict(json.loads(file.read_text(encoding="utf-8"))["parts"])
        except (ValueError, KeyError, TypeError):
            raise LedgerError(
                f"{file}: not a ledger's manifest; remove it, and the parts beside it are listed "
                "anew"
            ) from None

    def _enter(self, file: Path, listed: dict[str, Any] | None) -> None:
        """Proves a part and lists it; one that a killed run had no time to list is listed now."""
        if not file.is_file():
            raise LedgerError(f"{file}: not a part but a folder; {_REMEDY}")
        record = {"sha256": file_sha256(file), "bytes": file.stat().st_size}
        if listed is not None and listed != record:
            raise LedgerError(f"{file}: not the part that was drawn (its hash differs); {_REMEDY}")
        contents = _contents(file)
        if contents.get("plan") != self._plan:
            raise LedgerError(f"{file}: not a part of this ledger, but of another plan; {_REMEDY}")
        draws = sum(stop - start for _, _, start, stop in contents["draws"])
        if draws != contents["rows"]:
            raise LedgerError(
                f"{file}: {contents['rows']} rows where it names {draws} draws; {_REMEDY}"
            )
        held = ((prompt_id, hash_) for prompt_id, hash_, _, _ in contents["draws"])
        self._index.add(len(self._manifest["parts"]), held)
        self._manifest["parts"][file.name] = record
        if listed is None:
            self._write_manifest()

    def _write_manifest(self) -> None:
        temporary = self.folder / "._manifest.json.tmp"
        try:
            temporary.write_text(json.dumps(self._manifest, indent=1), encoding="utf-8")
            temporary.replace(self.folder / "_manifest.json")
        except OSError as error:
            raise LedgerError(
                f"{temporary}: cannot be written ({error.strerror}); make room and run again"
            ) from None
        finally:
            temporary.unlink(missing_ok=True)


_CANDIDATE = [field.name for field in fields(Candidate)]


def _key(prompt: Prompt) -> _Key:
    return prompt.prompt_id, prompt_hash(prompt)


def _contents(file: Path) -> dict[str, Any]:
    """What a part says of itself, and its number of rows."""
    try:
        metadata = pq.read_metadata(file)
        contents = dict(json.loads((metadata.metadata or {}).get(_METADATA, b"{}")))
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise LedgerError(f"{file}: not a readable part ({error}); {_REMEDY}") from None
    return contents | {"rows": metadata.num_rows}


def prompt_hash(prompt: Prompt) -> str:
    """Hash of what is asked; how it is rendered is part of the policy's version."""
    turns = [(turn.role, turn.content) for turn in prompt.context]
    return hashlib.sha256(json.dumps([*turns, prompt.text]).encode()).hexdigest()[:20]
