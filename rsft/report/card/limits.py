"""The card's section on what the model is not good for, and what its figures do not show."""

from collections.abc import Iterator, Mapping
from typing import Any

from rsft.report.markdown import escape_markdown
from rsft.report.sheet import interval_text, points_text
from rsft.report.tables import SHARED

_LITTLE = 0.1
"""A set on which fewer answers are right is one to keep the model away from."""


def limits_section(manifest: Mapping[str, Any]) -> str:
    """Each limit that the run's own figures show."""
    last = manifest["figures"]["rounds"][-1]
    lines = [
        *_sets(last),
        *_controls(manifest["figures"]),
        *_left_out(last),
        *_shared(last["pool"]["contamination"]["rows"]),
        *_licences(manifest),
        "It was measured on prompts of the kinds above and on no others: nothing here says how it "
        "does elsewhere, or how safe its answers are.",
    ]
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _sets(last: Mapping[str, Any]) -> Iterator[str]:
    for name, found in last["sets"].items():
        if found["accuracy"] < _LITTLE:
            yield f"Of `{name}` it gets {interval_text(found)} right: it is not for such questions."
        difference = last["against_base"][name]
        if difference is None or difference["low"] <= 0:
            is_worse = difference is not None and difference["high"] < 0
            shown = "worse than" if is_worse else "not shown to be better than"
            yield f"On `{name}` it is {shown} the base: {points_text(difference)} points."


def _controls(figures: Mapping[str, Any]) -> Iterator[str]:
    for number, controls in figures["controls"].items():
        for name, control in controls.items():
            found = control["difference"]["eval"]
            if found is None or found["low"] <= 0:
                yield (
                    f"Round {number} is not shown to be better than the control `{name}`: "
                    f"{points_text(found)} points."
                )


def _left_out(last: Mapping[str, Any]) -> Iterator[str]:
    if last["too_long"]:
        yield f"{last['too_long']:,} training prompts were too long for it, and were not sampled."
    for name, found in last["sets"].items():
        if found["unscorable"]:
            yield (
                f"Of `{name}`, {found['unscorable']:,} of {found['prompts']:,} answers could not "
                "be scored, and are in no share."
            )


def _shared(rows: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for name, kinds in rows.items():
        if any(kinds.values()):
            told = ", ".join(f"{count:,} {SHARED[kind]}" for kind, count in kinds.items() if count)
            yield f"Rows that it was trained on share text with prompts of `{name}`: {told}."


def _licences(manifest: Mapping[str, Any]) -> Iterator[str]:
    unknown = [found["source"] for found in manifest["sources"] if found["licence"] == "unknown"]
    if unknown:
        yield f"The licence of {', '.join(map(escape_markdown, unknown))} is not known."
