"""What a run shows while it works: a progress bar for the stage at hand, a line when it is done.

A display is set by whoever starts the run; the flow only tells it what happens. Under a worker
nobody set one, and the lines go to the log.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rsft import types
from rsft.report.plain import plain
from rsft.report.sheet import plain_console

logger = logging.getLogger("rsft")


class Display(Protocol):
    """Where a run reports to."""

    @contextmanager
    def stage(self, name: str) -> Iterator[types.Progress]:
        """Shows that a stage is at work; the value takes its progress."""

    def done(self, name: str, outcome: str, seconds: float) -> None:
        """Says how a stage ended: ``ran`` or ``reused``."""

    def show(self, what: RenderableType) -> None:
        """Shows a table or a line."""


class LogDisplay:
    """Lines in the log, for runs that nobody watches."""

    @contextmanager
    def stage(self, name: str) -> Iterator[types.Progress]:
        """Shows nothing: a log has no use for a bar."""
        yield lambda done, total, note="": None

    def done(self, name: str, outcome: str, seconds: float) -> None:
        """One line a stage."""
        logger.info("%s: %s in %.1f s", name, outcome, seconds)

    def show(self, what: RenderableType) -> None:
        """The text of a table."""
        console = plain_console(width=120, color_system=None, force_terminal=False)
        with console.capture() as captured:
            console.print(what)
        logger.info("\n%s", captured.get().rstrip())


class _NotedProgress(Progress):
    """A bar with its note on a line of its own, which a terminal of 80 columns has room for."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, then the note."""
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.fields["note"]:
                yield Text(f"    {task.fields['note']}", style="dim")


class ConsoleDisplay:
    """A bar for the stage at hand and a line for each that is done."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def stage(self, name: str) -> Iterator[types.Progress]:
        """Shows a bar until the stage ends; it leaves no trace."""
        columns = (
            TextColumn("  {task.description:<28}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        # Where nobody can see a bar, its place must not be an empty line.
        hidden = not self._console.is_terminal
        with _NotedProgress(
            *columns, console=self._console, transient=True, disable=hidden
        ) as progress:
            bar = progress.add_task(name, total=None, note="")

            def update(done: int, total: int, note: str = "") -> None:
                progress.update(bar, completed=done, total=total, note=note)

            yield update

    def done(self, name: str, outcome: str, seconds: float) -> None:
        """One line a stage."""
        style = "dim" if outcome == "reused" else ""
        self._console.print(f"  {name:<28}{outcome:<8}{seconds:6.1f} s", style=style)

    def show(self, what: RenderableType) -> None:
        """Prints it."""
        self._console.print(what)


class _Warnings(logging.Handler):
    """Shows what is logged as a warning."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Shows it as a line."""
        self._display.show(Text(plain(f"warning: {record.getMessage()}"), style="yellow"))


_DISPLAY: ContextVar[Display | None] = ContextVar("display", default=None)


def set_display(display: Display) -> None:
    """Has runs in this context report to a display."""
    _DISPLAY.set(display)


@contextmanager
def reporting() -> Iterator[None]:
    """Has what is logged meanwhile, in any thread, reach whoever looks at this context's run.

    Prefect's console says nothing beside a display, which therefore shows warnings; where there is
    none, its log takes nothing but warnings unless it is told to.
    """
    display = _DISPLAY.get()
    if display is None:
        logger.setLevel(logging.INFO)
        yield
        return
    handler = _Warnings(display)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def current_display() -> Display:
    """The display of runs in this context: by default the log."""
    return _DISPLAY.get() or LogDisplay()
