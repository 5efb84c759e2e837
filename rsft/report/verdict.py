"""The gate's verdict: as a report in Markdown, and for the terminal.

verdict    what ``rsft promote --json`` prints
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape

from rsft.report.sheet import Sheet, p_text, share_text

_MARKUP = re.compile(r"([\\`*_\[\]<>|~#])")
_MARKS = {True: "yes", False: "no"}


def verdict_markdown(verdict: Mapping[str, Any]) -> str:
    """The report: what was decided, by which checks, on which figures, by which policy."""
    figures = _figures(verdict)
    parts = [
        f"# {_safe(_title(verdict))}",
        _safe(verdict["reason"]),
        _table(("check", "holds", "found"), _checks(verdict)),
        f"## Figures, against {_safe(_opponent(verdict))}",
        _table(figures.header, figures.rows),
        figures.note,
        "## How sure that is",
        "\n".join(f"- {_safe(line)}" for line in _promises(verdict)),
        f"Judged by run `{_safe(verdict['run_id'])}`; evaluation `{_safe(verdict['evaluation'])}`.",
    ]
    return "\n\n".join(parts) + "\n"


def verdict_lines(verdict: Mapping[str, Any]) -> RenderableType:
    """The same for the terminal."""
    checks = [
        f"  [{'green' if check['passed'] else 'bold red'}]{_MARKS[check['passed']]:>3}[/]  "
        f"[bold]{escape(check['name'])}[/] {escape(check['told'])}"
        for check in verdict["checks"]
    ]
    return Group(
        f"[bold]{escape(_title(verdict))}[/], compared with {escape(_opponent(verdict))}",
        *checks,
        "",
        _figures(verdict),
        *(f"[dim]{escape(line)}[/]" for line in _promises(verdict)),
        *_next_step(verdict),
    )


def _title(verdict: Mapping[str, Any]) -> str:
    return "{name} version {version}: {outcome}".format(**verdict)


def _next_step(verdict: Mapping[str, Any]) -> Iterator[str]:
    if verdict["outcome"] == "awaits approval":
        named = "{name}/{version}".format(**verdict)
        yield f"say yes by [bold]{escape(f'rsft promote {named} --approve NAME')}[/]"


def _opponent(verdict: Mapping[str, Any]) -> str:
    against = verdict["against"]
    return "the base" if against is None else f"champion version {against}"


def _checks(verdict: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for check in verdict["checks"]:
        yield check["name"], _MARKS[check["passed"]], check["told"]


def _figures(verdict: Mapping[str, Any]) -> Sheet:
    """The comparison on each set, in points."""
    rows = []
    gain = verdict["gain"]
    if gain is not None:
        ends = gain["gain"]
        at_least = f"{100 * ends['low']:+.1f}"
        rows.append(_row("eval", ends["estimate"], at_least, gain, p_text(gain["p_families"]), ""))
    for name, guard in verdict["guards"].items():
        figures = guard["figures"]
        if figures is None:
            continue
        says = f"{figures['power']:.0%}" if guard["has_say"] else "has no say"
        low = f"{100 * figures['low']:+.1f}"
        rows.append(_row(name, figures["gain"], low, figures, "", says))
    return Sheet(
        title="Figures",
        header=("set", "gain", "at least", "won", "lost", "p", "power"),
        rows=rows,
        note="points of right answers; p of the exact test by family; power: how often an equal "
        "model would pass; a set that the other cannot solve has no say",
    )


def _row(
    name: str, gain: float, low: str, figures: Mapping[str, Any], p_value: str, power: str
) -> tuple[str, ...]:
    won, lost = (f"{figures[key]:,}" for key in ("better", "worse"))
    return name, f"{100 * gain:+.1f}", low, won, lost, p_value, power


def _promises(verdict: Mapping[str, Any]) -> Iterator[str]:
    """What the policy promises, and what this look could have shown."""
    policy, gain = verdict["policy"], verdict["gain"]
    if gain is not None:
        yield (
            f"A model that is no better is ever promoted by these evaluation prompts with a "
            f"probability of at most {share_text(policy['gain']['alpha'])}, over all looks at "
            f"them; look {verdict['looks']['eval']} risks {gain['level']:.2%}."
        )
    if gain is not None and gain["detectable"] is not None:
        yield (
            f"At this look, gains from {100 * gain['detectable']:.1f} points on are shown four "
            "times in five; evaluation prompts that are all new begin with look 1."
        )
    if not verdict["guards"]:
        yield "No guard set was asked: of what was lost elsewhere nothing is known."
        return
    guards = policy["guards"]
    yield (
        f"A loss of more than {100 * guards['margin']:g} points ever passes a guard set with a "
        f"probability of at most {share_text(guards['alpha'])}, over all looks at it."
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([_safe(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _safe(text: str) -> str:
    """Text that may be anything, in one line that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
