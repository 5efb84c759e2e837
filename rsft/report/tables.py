"""Tables of a run for the terminal and Prefect's page, from the figures of ``data/run.json``."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from rsft.report.measures import comparison_sheet, measure_sheet
from rsft.report.sheet import (
    Sheet,
    interval_text,
    number_text,
    plain_table,
    points_text,
    share_text,
)


def round_table(figures: Mapping[str, Any], k: int) -> Table:
    """What one round drew, kept and reached."""
    reached = figures["sets"]["eval"]
    table = plain_table(f"Round {figures['round']}")
    for heading in ("prompts", "candidates", "accepted", "rate", "ESS", "right", f"pass@{k}"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row(
        f"{figures['prompts']:,}",
        f"{figures['candidates']:,}",
        f"{figures['accepted']:,}",
        f"{figures['acceptance_rate']:.1%}",
        f"{figures['effective_sample_size']:,.0f}",
        interval_text(reached),
        share_text(reached["pass_at_k"]),
    )
    table.caption = unscorable_text([("eval", reached)]) or None
    return table


def filter_lines(figures: Mapping[str, Any]) -> str:
    """How a round's acceptance came out: rule and target, what was clipped, every reason."""
    lines = [f"rule {figures['rule']}, target {figures['target']} over {figures['base_measure']}"]
    if figures["bound"] is not None:
        lines[0] += f", bound {figures['bound']}"
        if figures["log_bound_median"] is not None:
            lines[0] += f" (median log c {figures['log_bound_median']:.2f} nats)"
        lines.append(
            f"above the bound {figures['bound_violation_rate']:.1%}, clipped mass "
            f"{figures['clipped_mass']:.1%}, 0 < A < 1 for {figures['coin_share']:.0%} "
            "of those in the support"
        )
    if figures["bound_note"]:
        lines.append(figures["bound_note"])
    lines.append(
        f"mean reward {_before_and_after(figures, 'mean_reward', '.2f')}, "
        f"tokens {_before_and_after(figures, 'mean_tokens', '.1f')}, "
        f"KL to the proposal {number_text(figures['kl_to_proposal'], '.2f')} nats"
    )
    frequent_first = sorted(figures["reasons"].items(), key=lambda item: -item[1])
    lines.append(", ".join(f"{count:,} {reason}" for reason, count in frequent_first))
    if figures["non_canonical"]:
        lines.append(f"{figures['non_canonical']:,} spelt in other tokens than their text's own")
    if figures["prompts_without_accepted"]:
        lines.append(f"{figures['prompts_without_accepted']:,} prompts with nothing accepted")
    if figures["too_long"]:
        lines.append(f"{figures['too_long']:,} prompts too long for the policy: nothing drawn")
    return "\n".join(f"  {line}" for line in lines)


def _before_and_after(figures: Mapping[str, Any], name: str, form: str) -> str:
    return f"{number_text(figures[name], form)} → {number_text(figures[f'{name}_accepted'], form)}"


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
        f"  left out: {repeated:,} that the pool had, {over_cap:,} over its cap, "
        f"{pool['heldout_rows']:,} of {pool['heldout_prompts']:,} held-out prompts; "
        f"{pool['prompts_without_rows']:,} prompts without a row\n"
        f"  {_shared(pool['contamination'])}\n"
        f"  licences: {_licences(pool['sources'])}"
    )


SHARED = {
    "exact": "exactly",
    "numbers_masked": "but for numbers",
    "ngram": "nearly",
    "solution": "a solution",
}
"""By kind of leak, as what a row has text of an evaluation prompt."""


def _shared(contamination: Mapping[str, Any]) -> str:
    """By set, how many rows share text with it; and what was left out for that."""
    sets = []
    for name, kinds in contamination["rows"].items():
        found = ", ".join(f"{rows:,} {SHARED[kind]}" for kind, rows in kinds.items() if rows)
        sets.append(f"{escape(name)}: {found or 'nothing'}")
    shared = f"rows that share text with {'; '.join(sets)}"
    rows, prompts = contamination["rows_left_out"], contamination["prompts_left_out"]
    if not rows and not prompts:
        return shared
    return f"{shared}\n  left out for it: {rows:,} accepted in this round, and {prompts:,} prompts"


def _licences(sources: Iterable[Mapping[str, Any]]) -> str:
    rows: Counter[str] = Counter()
    for source in sources:
        rows[source["licence"]] += source["rows"]
    return escape(", ".join(f"{licence} {count:,} rows" for licence, count in sorted(rows.items())))


def result_sheets(summary: Mapping[str, Any]) -> list[Sheet]:
    """What a run came to: right answers, differences, and what else was measured."""
    return [result_sheet(summary), comparison_sheet(summary), measure_sheet(summary)]


def result_markdown(summary: Mapping[str, Any]) -> str:
    """The same for pages that read Markdown."""
    return "\n".join(sheet.as_markdown() for sheet in result_sheets(summary))


def result_sheet(summary: Mapping[str, Any]) -> Sheet:
    """Base, rounds and controls side by side; the guard sets without their intervals."""
    sets = list(summary["base"]["sets"])
    last = summary["rounds"][-1]["round"]
    ahead = "its round" if _is_of_several_rounds(summary) else f"round {last}"
    return Sheet(
        title="Right answers",
        header=["policy", *sets, f"{ahead} leads by"],
        rows=list(_rows(summary, sets)),
        note="; ".join(filter(None, (_handed_on(summary), unscorable_text(_evaluations(summary))))),
    )


def _handed_on(summary: Mapping[str, Any]) -> str:
    """Which rounds' figures are those of another policy, since they hand it on."""
    told = []
    for figures in summary["rounds"]:
        number = figures["monitor"]["handed_on"]
        if number != figures["round"]:
            policy = f"round {number}'s policy" if number else "the base"
            told.append(f"round {figures['round']} is {policy}, handed on")
    return "; ".join(told)


def _is_of_several_rounds(summary: Mapping[str, Any]) -> bool:
    """Whether controls are matched to other rounds than the last."""
    last = summary["rounds"][-1]["round"]
    return any(int(number) != last for number in summary["controls"])


def unscorable_text(evaluations: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """What was left out of the shares because no scorer could judge it; empty if nothing was.

    Args:
        evaluations: Figures of a set, with what they are called.
    """
    counts = [
        f"{name} {figures['unscorable']:,} answers, {figures['unscorable_draws']:,} draws"
        for name, figures in evaluations
        if figures["unscorable"] or figures["unscorable_draws"]
    ]
    return f"left out as unscorable: {'; '.join(counts)}" if counts else ""


def _evaluations(summary: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Figures of each policy on each set."""
    policies = {"base": summary["base"]}
    policies |= {f"round {figures['round']}": figures for figures in summary["rounds"]}
    for policy, figures in (policies | dict(_controls(summary))).items():
        for name, found in figures["sets"].items():
            yield f"{policy} {name}", found


def _controls(summary: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each control by name, with the number of its round where there are several."""
    for number, controls in summary["controls"].items():
        for name, figures in controls.items():
            yield f"{name} ({number})" if _is_of_several_rounds(summary) else name, figures


def _rows(summary: Mapping[str, Any], sets: Sequence[str]) -> Iterator[tuple[str, ...]]:
    yield _row("base", summary["base"], sets, points_text(summary["gain"]))
    for figures in summary["rounds"]:
        yield _row(f"round {figures['round']}", figures, sets, "")
    for name, figures in _controls(summary):
        yield _row(name, figures, sets, points_text(figures["difference"]["eval"]))


def _row(
    name: str, figures: Mapping[str, Any], sets: Sequence[str], difference: str
) -> tuple[str, ...]:
    found = figures["sets"]
    cells = (
        interval_text(found[name]) if name == "eval" else share_text(found[name]["accuracy"])
        for name in sets
    )
    return name, *cells, difference
