"""Looking through every file of a run, whatever can no longer be read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rsft.errors import LineageError
from rsft.rows.data import DataFile, RunData
from rsft.rows.records import Holding, RunTrace, State


class Looked:
    """What of a run was looked through so far."""

    def __init__(self, data: RunData) -> None:
        self._data = data
        self._files: list[Holding] = []
        self._count = 0
        self._unread: list[str] = []

    def look(self, traces_in: Callable[[DataFile], dict[str, int]]) -> None:
        """Looks through every file that rows may lie in; weights and vocabularies hold none."""
        for out in self._data.outs:
            with self.noting():
                for file in self._data.files_of(out):
                    if is_table(file) or (file.path.endswith(".json") and not _is_model(out)):
                        with self.noting():
                            self._see(file, traces_in)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Goes on after what cannot be read, and notes it."""
        try:
            yield
        except LineageError as error:
            self._unread.append(str(error))

    def _see(self, file: DataFile, traces_in: Callable[[DataFile], dict[str, int]]) -> None:
        self._data.require(file)
        traces = traces_in(file)
        self._count += 1
        if traces:
            self._files.append(
                Holding(
                    path=file.path, hash=file.hash, rows=sum(traces.values()), traces=tuple(traces)
                )
            )

    def as_trace(self, state: State) -> RunTrace:
        """The run's trace, but for what only its prompts' ids lead to."""
        return RunTrace(
            run=self._data.run,
            state=state,
            files=tuple(self._files),
            looked_through=self._count,
            unread=tuple(self._unread),
        )


def is_table(file: DataFile) -> bool:
    """Whether a file is a table, or else a document."""
    return file.path.endswith(".parquet")


def _is_model(out: str) -> bool:
    return out.rpartition("/")[2] in ("model", "trained", "best")
