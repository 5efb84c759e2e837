"""Looking through every file of a run, whatever can no longer be read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rsft.errors import LineageError
from rsft.rows.data import DataFile, RunData
from rsft.rows.records import Holding, RunTrace, State


@contextmanager
def noting(unread: list[str]) -> Iterator[None]:
    """Goes on after what cannot be read, and notes it."""
    try:
        yield
    except LineageError as error:
        unread.append(str(error))


class Looked:
    """What of a run was looked through so far."""

    def __init__(self, data: RunData) -> None:
        self._data = data
        self._files: list[Holding] = []
        self._count = 0
        self.unread: list[str] = []
        """What could not be read, and why."""

    def look(self, traces_in: Callable[[DataFile], dict[str, int]]) -> None:
        """Looks through every file that rows may lie in; weights and vocabularies hold none."""
        for out in self._data.outs:
            with noting(self.unread):
                for file in self._data.files_of(out):
                    if is_table(file) or (file.path.endswith(".json") and not _is_model(out)):
                        with noting(self.unread):
                            self._see(file, traces_in)

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
            unread=tuple(self.unread),
        )


def is_table(file: DataFile) -> bool:
    """Whether a file is a table, or else a document."""
    return file.path.endswith(".parquet")


def _is_model(out: str) -> bool:
    return out.rpartition("/")[2] in ("model", "trained", "best")
