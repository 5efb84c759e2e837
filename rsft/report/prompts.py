"""What was taken in of new prompts, for the terminal. Lines of files are hostile: escaped."""

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape

from rsft.report.plain import plain

Json = Mapping[str, Any]

_MOST_LISTED = 20
"""Refused lines that are listed; ``--json`` has more."""
_DIGITS = 12
"""Of a fingerprint, enough to tell versions apart."""


def addition_lines(addition: Json) -> Iterator[str]:
    """What came of a file: counts, then the refused lines."""
    yield (
        f"[bold]{_text(addition['source'])}[/]: {addition['new']:,} new, {addition['known']:,} "
        f"known, {addition['refused']:,} refused"
    )
    listed = addition["refusals"][:_MOST_LISTED]
    for refusal in listed:
        yield f"  line {refusal['line']:,}: {_text(refusal['reason'])}"
    if addition["refused"] > len(listed):
        yield f"  and {addition['refused'] - len(listed):,} lines more"
    if addition["near"]:
        yield (
            f"  {addition['near']:,} of the new ones share text with evaluation prompts; "
            "pool.contamination lets them"
        )
    yield f"{addition['total']:,} prompts to train on, version {_version(addition)}"


def taken_markdown(taken: Sequence[Json]) -> str:
    """What came of each file of the watched folder, as a page."""
    lines = ["| file | new | known | refused | |", "|---|---:|---:|---:|---|"]
    for one in taken:
        addition = one["addition"]
        counts = [addition[name] for name in ("new", "known", "refused")] if addition else ["–"] * 3
        shown = [_cell(one["name"]), *map(str, counts), _cell(one["problem"] or _first(addition))]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _first(addition: Json) -> str:
    """Why the first line was refused, where one was; the report beside the file has them all."""
    if not addition["refusals"]:
        return ""
    first, others = addition["refusals"][0], addition["refused"] - 1
    more = f"; and {others:,} more" if others else ""
    return f"line {first['line']:,}: {first['reason']}{more}"


def version_lines(additions: Sequence[Json], fingerprint: str) -> Iterator[str]:
    """The versions on record, the oldest first, and whether the last is what is there.

    Args:
        additions: Lines of the journal.
        fingerprint: Of what is there.
    """
    if not additions:
        yield "nothing was added yet; `rsft prompts add FILE` does it"
    before = None
    for addition in additions:
        if before not in (None, addition["before"]):
            yield "  changed by other means"
        yield (
            f"{_version(addition)}  {_text(addition['at'])}  {addition['total']:,} prompts, "
            f"{addition['new']:,} new of {_text(addition['source'])}"
        )
        before = addition["fingerprint"]
    if before not in (None, fingerprint):
        yield f"  changed by other means; it is version {escape(fingerprint[:_DIGITS])} now"


def _version(addition: Json) -> str:
    return _text(addition["fingerprint"][:_DIGITS] or "none")


def _cell(value: Any) -> str:
    """A text that cannot leave its cell, or be a page's own."""
    return html.escape(plain(str(value))).replace("|", "&#124;").replace("`", "&#96;")


def _text(value: Any) -> str:
    return escape(plain(str(value)))
