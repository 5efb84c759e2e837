"""How far the last round is ahead, and what was measured of it beside the share of right answers.

From the figures of ``data/run.json``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rsft.report.sheet import (
    UNKNOWN,
    Sheet,
    mean_text,
    number_text,
    p_text,
    points_text,
    share_text,
)

Figures = Mapping[str, Any]


def comparison_sheet(summary: Figures) -> Sheet:
    """The last round's right answers less the base's and the round before's, on each set."""
    last = summary["rounds"][-1]
    others = {"the base": last["against_base"]}
    if last["round"] > 1:
        others[f"round {last['round'] - 1}"] = last["against_previous"]
    header = [f"round {last['round']} is ahead of"]
    for other in others:
        header += [other, "p"]
    rows = []
    for name in summary["base"]["sets"]:
        row = [name]
        for found in others.values():
            difference = found[name]
            p_value = UNKNOWN if difference is None else p_text(difference["p_value"])
            row += [points_text(difference), p_value]
        rows.append(row)
    note = "points of right answers with their interval by family; p of McNemar's exact test"
    return Sheet(title="Differences", header=header, rows=rows, note=note)


def measure_sheet(summary: Figures) -> Sheet:
    """What else was measured of the base and of the last round on ``eval``; unknowns left out."""
    last = summary["rounds"][-1]
    base, reached = (_measures(own["sets"]["eval"]) for own in (summary["base"], last))
    rows = [
        (name, base[name], reached[name])
        for name in base
        if not base[name] == reached[name] == UNKNOWN
    ]
    title = f"round {last['round']}"
    return Sheet(
        title="Measured beside",
        header=("on eval", "base", title),
        rows=rows,
        note="; ".join(_notes(title, last["sets"]["eval"])),
    )


def _notes(policy: str, figures: Figures) -> Iterator[str]:
    """What the cells do not say: whose spread it is, and what was left out."""
    if figures["seeds"] is not None:
        yield "±: standard deviation over seeds"
    left_out = [
        f"{name} {mean['unscorable']:,}"
        for name, mean in figures["measured"].items()
        if mean["unscorable"]
    ]
    if left_out:
        yield f"left out of {policy} as unscorable: {', '.join(left_out)}"
    if 0 < figures["perplexity_prompts"] < figures["prompts"]:
        known = f"{figures['perplexity_prompts']:,} of {figures['prompts']:,}"
        yield f"perplexity is that of {known} prompts' references"


def _measures(figures: Figures) -> dict[str, str]:
    """By what it is, each measure as it is shown."""
    k, measured = figures["k"], figures["measured"]
    draws = {"pass@1": "pass_at_1", f"pass@{k}": "pass_at_k", f"maj@{k}": "maj_at_k"}
    return {
        **{name: _of_draws(figures, figure, ".1%") for name, figure in draws.items()},
        "reward": mean_text(figures["reward"]),
        "reward of draws": _of_draws(figures, "draw_reward", ".2f"),
        **({name: mean_text(measured[name]) for name in measured} if len(measured) > 1 else {}),
        "perplexity": number_text(figures["perplexity"], ",.2f"),
        "win rate": _wins(figures["win_rate"]),
    }


def _of_draws(figures: Figures, name: str, form: str) -> str:
    """The mean over the seeds, with its spread where there are several."""
    spread = None if figures["seeds"] is None else figures["seeds"][name]["sd"]
    mean = number_text(figures[name], form)
    return mean if spread is None else f"{mean} ± {format(spread, form)}"


def _wins(found: Figures | None) -> str:
    if found is None or found["mean"] is None:
        return UNKNOWN
    unread = f", {found['unscorable']:,} unread" if found["unscorable"] else ""
    low, high = 100 * found["low"], 100 * found["high"]
    return f"{share_text(found['mean'])} [{low:.1f}, {high:.1f}]{unread}"
