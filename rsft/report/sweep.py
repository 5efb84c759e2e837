"""A sweep as a table and as a picture."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from rsft.errors import ConfigurationError
from rsft.report.sheet import plain_table

Point = Mapping[str, Any]

_PANELS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "count",
        (
            ("rows", "rows kept"),
            ("distinct_paths", "distinct paths"),
            ("effective_sample_size", "effective sample size"),
            ("prompts", "prompts covered"),
        ),
    ),
    ("share", (("precision", "precision"), ("clipped_mass", "clipped mass"))),
)
_METADATA: Mapping[str, Mapping[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""By suffix of a picture, what is not to be stamped on it."""
_COLOURS = ("#1b6ca8", "#2a9d5c", "#b8621b", "#6b4fa0")


def sweep_table(sweep: Mapping[str, Any]) -> Table:
    """One line a value; the recommended one is marked."""
    name = sweep["setting"].removeprefix("filter.")
    table = plain_table(f"Round {sweep['round']}: {sweep['candidates']:,} candidates replayed")
    columns: tuple[tuple[str, Callable[[Point], str]], ...] = (
        (name, lambda p: p["value"]),
        ("rows", lambda p: _count(p["rows"])),
        ("prompts", lambda p: _count(p["prompts"])),
        ("ESS", lambda p: _count(p["effective_sample_size"])),
        ("precision", lambda p: _share(p["precision"])),
        ("paths", lambda p: _count(p["distinct_paths"])),
        ("clipped", lambda p: _share(p["clipped_mass"])),
        ("KL", lambda p: "–" if p["kl_to_proposal"] is None else f"{p['kl_to_proposal']:.2f}"),
    )
    for heading, _ in columns:
        table.add_column(escape(heading), justify="right", no_wrap=True)
    for point in sweep["points"]:
        style = "bold green" if point["value"] == sweep["recommended"] else ""
        table.add_row(*(escape(cell(point)) for _, cell in columns), style=style)
    return table


def check_picture(file: Path) -> None:
    """Refuses a picture that cannot be drawn, before there is one.

    Raises:
        ConfigurationError: Where the suffix is none of those known.
    """
    if file.suffix not in _METADATA:
        raise ConfigurationError(
            f"--picture {file}: its name must end in one of {', '.join(_METADATA)}"
        )


def draw_sweep(sweep: Mapping[str, Any], file: Path) -> None:
    """Writes the picture: counts on top, shares below, the recommended value marked.

    Raises:
        ConfigurationError: Where the file cannot be written.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    points = [point for point in sweep["points"] if point["rows"] is not None]
    places = range(len(points))
    figure, axes = pyplot.subplots(2, 1, figsize=(8, 7), sharex=True, height_ratios=(2, 1))
    for axis, (unit, lines) in zip(axes, _PANELS, strict=True):
        for colour, (field, label) in zip(_COLOURS, lines, strict=False):
            values = [point[field] for point in points]
            if any(value is not None for value in values):
                drawn = [float("nan") if value is None else value for value in values]
                # The first is wide and pale, so that one that equals it is seen upon it.
                width = 5.0 if colour == _COLOURS[0] else 1.6
                shade = 0.35 if colour == _COLOURS[0] else 1.0
                axis.plot(
                    places, drawn, marker="o", lw=width, alpha=shade, label=label, color=colour
                )
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0, top=1.05 if unit == "share" else None)
        axis.grid(alpha=0.3)
        for place, point in enumerate(points):
            if point["value"] == sweep["recommended"]:
                axis.axvline(place, color="#444444", linestyle="--", linewidth=1, zorder=0)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(frameon=False, loc="best")
        axis.spines[["top", "right"]].set_visible(False)
    axes[1].set_xticks(list(places), [point["value"] for point in points])
    axes[1].set_xlabel(f"{sweep['setting']} (dashed: recommended)")
    title = f"What round {sweep['round']} would keep of {sweep['candidates']:,} candidates"
    axes[0].set_title(title, loc="left", fontsize=11)
    figure.tight_layout()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=120, metadata=_METADATA[file.suffix])
    except OSError as error:
        raise ConfigurationError(
            f"--picture {file}: cannot be written ({error.strerror or error})"
        ) from None
    finally:
        pyplot.close(figure)


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
