"""A table of texts, for the terminal or for pages that read Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table

UNKNOWN = "–"
"""Stands for what is not known."""
_BETWEEN = 2
"""Characters between two columns."""
_LEAST_P = 1e-6
"""A smaller p-value is shown as less than this."""


def plain_console(**options: Any) -> Console:
    """A console that shows texts as they are: rich makes a picture of the colons in ``mine:boom:``.

    Args:
        **options: As rich's ``Console`` takes them.
    """
    return Console(emoji=False, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What stands in a table."""

    title: str
    """What it shows."""
    header: Sequence[str]
    """The columns; the first names the rows."""
    rows: Sequence[Sequence[str]]
    """As many cells each."""
    note: str = ""
    """Said beneath."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """For the terminal: several tables where it is too narrow for all columns in one."""
        *others, last = self._groups(options.max_width)
        for places in others:
            yield self._table(places, "")
            yield ""
        yield self._table(last, self.note)

    def _groups(self, width: int) -> Iterator[list[int]]:
        """Places of columns, the first of which is in all, that so many characters hold."""
        width_C = [self._width(place) for place in range(len(self.header))]
        group, used = [0], width_C[0]
        for place in range(1, len(width_C)):
            needed = _BETWEEN + width_C[place]
            if len(group) > 1 and used + needed > width:
                yield group
                group, used = [0], width_C[0]
            group.append(place)
            used += needed
        yield group

    def _width(self, place: int) -> int:
        """Characters of a column's widest line."""
        heading = self.header[place].split("_")
        return max(map(cell_len, (*heading, *(row[place] for row in self.rows))))

    def _table(self, places: Sequence[int], note: str) -> Table:
        """Some columns; names in the header are broken at their underscores."""
        table = plain_table(escape(self.title))
        for place in places:
            heading = escape(self.header[place].replace("_", "\n"))
            table.add_column(heading, justify="right" if place else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*(escape(row[place]) for place in places))
        table.caption = escape(note) or None
        return table

    def as_markdown(self) -> str:
        """For pages."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        cells = (" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines)
        table = "\n".join(f"| {line} |" for line in cells) + "\n"
        return f"{table}\n{self.note}\n" if self.note else table


def plain_table(title: str) -> Table:
    """An empty table, narrow enough that a terminal of 80 columns need not cut it."""
    return Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def interval_text(figures: Mapping[str, float]) -> str:
    """``68.2% [64.0, 72.1]``."""
    low, high = 100 * figures["low"], 100 * figures["high"]
    return f"{figures['accuracy']:.1%} [{low:.1f}, {high:.1f}]"


def mean_text(mean: Mapping[str, Any]) -> str:
    """``0.68 [0.64, 0.72]``."""
    if mean["mean"] is None:
        return UNKNOWN
    return "{mean:.2f} [{low:.2f}, {high:.2f}]".format(**mean)


def points_text(difference: Mapping[str, Any] | None) -> str:
    """``+19.8 [15.0, 24.6]``, in percentage points."""
    if difference is None:
        return UNKNOWN
    return "{points:+.1f} [{low:.1f}, {high:.1f}]".format(**difference)


def share_text(value: float | None) -> str:
    """``68.2%``."""
    return number_text(value, ".1%")


def p_text(p_value: float) -> str:
    """``0.012``; how small a very small one is says nothing."""
    return number_text(p_value, ".2g") if p_value >= _LEAST_P else f"< {_LEAST_P:.0g}"


def number_text(value: float | None, form: str) -> str:
    """A number, or a dash for what is not known."""
    return UNKNOWN if value is None else format(value, form)
