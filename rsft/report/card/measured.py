"""The card's section on what was measured: every policy, its controls, and what was judged."""

from collections.abc import Iterator, Mapping
from typing import Any

from rsft.report.markdown import escape_markdown
from rsft.report.measures import measure_sheet
from rsft.report.sheet import UNKNOWN, Sheet, interval_text, p_text, points_text

Figures = Mapping[str, Any]


def measured_section(manifest: Mapping[str, Any]) -> str:
    """Shares of right answers and differences, with intervals; then expectations and monitors."""
    figures = manifest["figures"]
    level = manifest["params"]["evaluate"]["confidence"]
    controls = figures["controls"]
    told = "" if controls else " No control was trained, so a gain says nothing about the filter."
    return (
        f"## What was measured\n\nRight greedy answers, with {level:.0%} intervals that resample "
        f"families of prompts:\n\n{_answers(figures).as_markdown()}\n"
        "How far the last round is ahead, in points, paired by prompt; p is McNemar's. Controls "
        "were trained for as many steps on rows that no filter chose."
        f"{told}\n\n{_differences(figures).as_markdown()}\n"
        f"{measure_sheet(figures).as_markdown()}\n{_checks(manifest)}"
    )


def _answers(figures: Figures) -> Sheet:
    sets = list(figures["base"]["sets"])
    rows = [
        (name, *(interval_text(found[key]) for key in sets)) for name, found in _policies(figures)
    ]
    return Sheet(title="", header=("policy", *sets), rows=rows)


def _policies(figures: Figures) -> Iterator[tuple[str, Figures]]:
    """What each policy is called, and its figures by set."""
    yield "base", figures["base"]["sets"]
    for found in figures["rounds"]:
        handed_on = found["monitor"]["handed_on"]
        note = "" if handed_on == found["round"] else f" (policy of round {handed_on})"
        yield f"round {found['round']}{note}", found["sets"]
    for number, controls in figures["controls"].items():
        for name, control in controls.items():
            yield f"{name}, round {number}", control["sets"]


def _differences(figures: Figures) -> Sheet:
    sets = list(figures["base"]["sets"])
    rows = [
        (name, *(cell for key in sets for cell in _difference(found[key])))
        for name, found in _opponents(figures)
    ]
    header = ["ahead of", *(cell for key in sets for cell in (key, "p"))]
    return Sheet(title="", header=header, rows=rows)


def _opponents(figures: Figures) -> Iterator[tuple[str, Figures]]:
    """What is compared with, and the differences by set; a control is its own round's."""
    last = figures["rounds"][-1]
    yield "the base", last["against_base"]
    if last["round"] > 1:
        yield f"round {last['round'] - 1}", last["against_previous"]
    for number, controls in figures["controls"].items():
        for name, control in controls.items():
            of_round = "" if int(number) == last["round"] else f" (round {number} is)"
            yield f"{name}{of_round}", control["difference"]


def _difference(found: Figures | None) -> tuple[str, str]:
    return points_text(found), UNKNOWN if found is None else p_text(found["p_value"])


def _checks(manifest: Mapping[str, Any]) -> str:
    lines = [_judged(key, found) for key, found in manifest["expectations"].items()]
    for key, found in manifest["monitors"].items():
        lines += [f"round {key}, monitor: {escape_markdown(line)}" for line in found["tripped"]]
    return "\n".join(f"- {line}" for line in lines)


def _judged(key: str, found: Figures) -> str:
    if not found["evaluated"]:
        return f"round {key}: there were no rows to judge"
    failed = [*found["failed"], *found["warnings"]]
    met = found["evaluated"] - len(failed)
    told = f"round {key}: {met} of {found['evaluated']} expectations on its accepted rows were met"
    return "; not met: ".join([told, *map(escape_markdown, failed)])
