"""Tables of a run for the terminal and Prefect's page, from the figures of ``data/run.json``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table


def round_table(figures: Mapping[str, Any], k: int) -> Table:
    """What one round drew, kept and reached."""
    table = _table(f"Round {figures['round']}")
    for heading in ("prompts", "candidates", "accepted", "rate", "ESS", "exact match", f"pass@{k}"):
        table.add_column(heading, justify="right", no_wrap=True)
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


def filter_lines(figures: Mapping[str, Any]) -> str:
    """How a round's acceptance came out: target and bound, what was clipped, every reason."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in figures["reasons"].items())
    if figures["too_long"]:
        reasons += f"\n  {figures['too_long']:,} prompts too long for the policy: nothing drawn"
    return (
        f"  target {figures['target']}, bound {figures['bound']} "
        f"(median log c {figures['log_bound_median']:.2f} nats)\n"
        f"  above the bound {figures['bound_violation_rate']:.1%}, clipped mass "
        f"{figures['clipped_mass']:.1%}, 0 < A < 1 for {figures['coin_share']:.0%} "
        "of those in the support\n"
        f"  {reasons}"
    )


def pool_lines(figures: Mapping[str, Any]) -> str:
    """The data set that a round trained on: whose rows, what they weigh, what was left out."""
    pool = figures["pool"]
    rounds = {int(number): found for number, found in pool["rounds"].items()}
    sources = ", ".join(
        f"{found['rows']:,} {f'of round {number}' if number else 'labelled'}"
        for number, found in sorted(rounds.items())
    )
    repeated, over_cap = (
        sum(found[name] for found in rounds.values()) for name in ("repeated", "over_cap")
    )
    return (
        f"  trained on {pool['rows']:,} rows ({sources}; "
        f"ESS {pool['effective_sample_size']:,.0f}) of {pool['prompts']:,} prompts\n"
        f"  left out: {repeated:,} that the pool had, {over_cap:,} over its cap; "
        f"{pool['prompts_without_rows']:,} prompts without a row"
    )


def result_table(summary: Mapping[str, Any]) -> Table:
    """Base, rounds and controls side by side; the guard sets without their intervals."""
    sets = list(summary["base"])
    table = _table("Exact match")
    table.add_column("policy", no_wrap=True)
    for name in sets:
        table.add_column(escape(name.replace("_", "\n")), justify="right", no_wrap=True)
    table.add_column("last round is\nahead by", justify="right", no_wrap=True)
    for row in _rows(summary, sets):
        table.add_row(*map(escape, row))
    return table


def _table(title: str) -> Table:
    """An empty table, narrow enough that a terminal of 80 columns need not cut it."""
    return Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def result_markdown(summary: Mapping[str, Any]) -> str:
    """The same for pages that read Markdown."""
    sets = list(summary["base"])
    rows = [["policy", *sets, "last round is ahead by"]]
    rows.append(["---"] * len(rows[0]))
    rows += [list(row) for row in _rows(summary, sets)]
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows)
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _rows(summary: Mapping[str, Any], sets: Sequence[str]) -> Iterator[tuple[str, ...]]:
    yield _row("base", summary["base"], sets, summary["gain"])
    for figures in summary["rounds"]:
        yield _row(f"round {figures['round']}", figures, sets)
    for name, figures in summary["controls"].items():
        yield _row(name, figures, sets, figures["difference"])


def _row(
    name: str,
    figures: Mapping[str, Any],
    sets: Sequence[str],
    difference: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    cells = (
        interval_text(figures[name]) if name == "eval" else _share(figures[name]["exact_match"])
        for name in sets
    )
    return name, *cells, "" if difference is None else points_text(difference)


def interval_text(figures: Mapping[str, float]) -> str:
    """``68.2% [64.0, 72.1]``."""
    low, high = 100 * figures["low"], 100 * figures["high"]
    return f"{figures['exact_match']:.1%} [{low:.1f}, {high:.1f}]"


def points_text(difference: Mapping[str, float]) -> str:
    """``+19.8 [15.0, 24.6]``, in percentage points."""
    return "{points:+.1f} [{low:.1f}, {high:.1f}]".format(**difference)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
