"""A run's data sets as the cache holds them by hash, whatever is checked out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from rsft.addresses import one_line
from rsft.errors import LineageError
from rsft.ledger import rows_of, schema_of
from rsft.lineage import Cache, Fetcher, RunRecord, Workspace, read_purged, read_rests

Record = TypeVar("Record")

PURGED = "was purged, as the tag"
"""What is said of a file that is gone on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file of a data set."""

    path: str
    """Where it lay in the workspace, with ``/``."""
    hash: str
    """Its MD5."""
    file: Path
    """Where it lies in the cache."""
    purged_by: str | None = None
    """The tag of the purge that left only some of its rows, under another hash; else null."""


class RunData:
    """What a run made, as far as it is still there."""

    def __init__(self, workspace: Workspace, run: RunRecord) -> None:
        self.run = run
        self.outs = {
            path: out.hash for stage in run.stages.values() for path, out in stage.outs.items()
        }
        """Hash by path of each output."""
        self._cache = Cache(workspace)
        self._workspace = workspace
        self._fetcher = Fetcher(workspace)

    @cached_property
    def purged(self) -> dict[str, str]:
        """By hash of each object that was purged the tag that says so."""
        return read_purged(self._workspace)

    @cached_property
    def _rests(self) -> dict[str, str]:
        return read_rests(self._workspace)

    def files(self, path: str) -> list[DataFile]:
        """The files at or below a path; none where the run made none there.

        Raises:
            LineageError: Where the list of a folder is not in the cache.
        """
        return [
            file
            for out in self.outs
            if f"{path}/".startswith(f"{out}/") or f"{out}/".startswith(f"{path}/")
            for file in self.files_of(out)
            if f"{file.path}/".startswith(f"{path}/")
        ]

    def files_of(self, out: str) -> Iterator[DataFile]:
        """The files of an output.

        Raises:
            LineageError: Where the list of a folder is neither in the cache nor in the remote.
        """
        self._fetcher.has(self.outs[out])
        for member in self._cache.members(self.outs[out]):
            path = f"{out}/{member.path}" if member.path else out
            place = self._cache.object(member.hash)
            yield self._left(DataFile(path=path, hash=member.hash, file=place))

    def _left(self, file: DataFile) -> DataFile:
        """What purges left of a file; the file itself where none took rows of it."""
        md5, seen = file.hash, {file.hash}
        while not self._cache.object(md5).exists() and self._rests.get(md5, md5) not in seen:
            md5 = self._rests[md5]
            seen.add(md5)
        if md5 == file.hash:
            return file
        place, tag = self._cache.object(md5), self.purged.get(file.hash)
        return DataFile(path=file.path, hash=md5, file=place, purged_by=tag)

    def require(self, file: DataFile) -> Path:
        """Where a file lies; the remote gives what the cache lacks.

        Raises:
            LineageError: Where it was purged, or is in neither.
        """
        if file.file.exists():
            return file.file
        if file.hash in self.purged:
            raise LineageError(
                f"{file.path} of run {self.run.run_id} {PURGED} {self.purged[file.hash]} says"
            )
        if self._fetcher.has(file.hash):
            return file.file
        raise LineageError(
            f"{file.path} of run {self.run.run_id} is neither in the cache nor in the remote "
            f"({file.hash}); `rsft audit` says what is lost"
        )

    def table(self, path: str, wanted: pc.Expression | None = None) -> pa.Table:
        """Rows of a table.

        Args:
            path: A Parquet file, or a folder of parts.
            wanted: Which rows; null for all.

        Raises:
            LineageError: Where the run has no such table, it is not in the cache, or unreadable.
        """
        parts = [file for file in self.files(path) if file.path.endswith(".parquet")]
        if not parts:
            raise LineageError(f"run {self.run.run_id} made no table {path}")
        files = [str(self.require(part)) for part in parts]
        try:
            return ds.dataset(files, format="parquet").to_table(filter=wanted)
        except (pa.ArrowException, OSError) as error:
            line = one_line(error)
            raise LineageError(
                f"{path} of run {self.run.run_id} cannot be read from the cache ({line}); `rsft "
                "audit` says what is broken"
            ) from None

    def rows(
        self, path: str, record: type[Record], wanted: pc.Expression | None = None
    ) -> list[Record]:
        """Rows of a table as records.

        Raises:
            LineageError: As ``table``; or where it is a table of something else.
        """
        table = self.table(path, wanted)
        lacking = [name for name in schema_of(record).names if name not in table.column_names]
        if lacking:
            raise LineageError(
                f"{path} of run {self.run.run_id} has no {lacking[0]!r}, for other code wrote it; "
                f"ask the code of its tag, {self.run.tag}"
            )
        return rows_of(table, record)

    def document(self, path: str) -> dict[str, Any]:
        """A JSON document.

        Raises:
            LineageError: Where the run has none there, or it is not in the cache, or is none.
        """
        files = [file for file in self.files(path) if file.path == path]
        if not files:
            raise LineageError(f"run {self.run.run_id} made no document {path}")
        try:
            document: dict[str, Any] = json.loads(self.require(files[0]).read_bytes())
        except ValueError:
            raise LineageError(
                f"{path} of run {self.run.run_id} is no JSON in the cache; `rsft audit` says more"
            ) from None
        return document
