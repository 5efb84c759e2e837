"""Tables of a run for the terminal, made from the figures of ``data/run.json``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table


def round_table(figures: Mapping[str, Any], k: int) -> Table:
    """What one round drew, kept and reached."""
    table = Table(title=f"Round {figures['round']}", title_justify="left")
    for heading in ("prompts", "candidates", "accepted", "rate", "ESS", "exact match", f"pass@{k}"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{figures['prompts']:,}",
        f"{figures['candidates']:,}",
        f"{figures['accepted']:,}",
        f"{figures['acceptance_rate']:.1%}",
        f"{figures['effective_sample_size']:,.0f}",
        interval_text(figures["eval"]),
        _share(figures["eval"]["pass_at_k"]),
    )
    return table


def filter_line(figures: Mapping[str, Any]) -> str:
    """How the acceptance came out, in one line under a round's table."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in figures["reasons"].items())
    return (
        f"  bound {figures['bound']}; ratios above it {figures['bound_violation_rate']:.1%}, "
        f"clipped mass {figures['clipped_mass']:.1%}; right candidates with 0 < A < 1 "
        f"{figures['coin_share']:.0%}\n  decisions: {reasons}"
    )


def result_table(summary: Mapping[str, Any], k: int) -> Table:
    """Base, rounds and controls side by side."""
    sets = list(summary["base"])
    table = Table(title="Exact match, with 95% intervals by template", title_justify="left")
    table.add_column("policy")
    for name in sets:
        table.add_column(name, justify="right")
    table.add_column(f"pass@{k}", justify="right")
    table.add_column("last round is ahead by", justify="right")
    for row in _rows(summary, sets):
        table.add_row(*row)
    return table


def _rows(summary: Mapping[str, Any], sets: Sequence[str]) -> Iterator[tuple[str, ...]]:
    yield _row("base", summary["base"], sets, summary["gain"])
    for figures in summary["rounds"]:
        yield _row(f"round {figures['round']}", figures, sets)
    for name, figures in summary["controls"].items():
        yield _row(f"control {name}", figures, sets, figures["difference"])


def _row(
    name: str,
    figures: Mapping[str, Any],
    sets: Sequence[str],
    difference: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    ahead = "" if difference is None else points_text(difference)
    cells = (interval_text(figures[name]) for name in sets)
    return name, *cells, _share(figures["eval"]["pass_at_k"]), ahead


def interval_text(figures: Mapping[str, float]) -> str:
    """``68.2% [64.0, 72.1]``."""
    low, high = 100 * figures["low"], 100 * figures["high"]
    return f"{figures['exact_match']:.1%} [{low:.1f}, {high:.1f}]"


def points_text(difference: Mapping[str, float]) -> str:
    """``+19.8 points [15.0, 24.6]``."""
    return "{points:+.1f} points [{low:.1f}, {high:.1f}]".format(**difference)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def result_markdown(summary: Mapping[str, Any], k: int) -> str:
    """The same as ``result_table`` for pages that read Markdown."""
    sets = list(summary["base"])
    rows = [["policy", *sets, f"pass@{k}", "last round is ahead by"]]
    rows.append(["---"] * len(rows[0]))
    rows += [list(row) for row in _rows(summary, sets)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
