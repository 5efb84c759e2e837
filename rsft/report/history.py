"""The story of a model's versions, for the terminal.

Names and reasons may come from others' tags: they are escaped, and hold no control characters.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.markup import escape

from rsft.report.plain import plain


def history_lines(model: Mapping[str, Any]) -> str:
    """What serves, and what led there: who, when, why, and against what.

    Args:
        model: One of the models that ``rsft history --json`` prints.
    """
    serving, contender = model["champion"], model["challenger"]
    head = "no version is in service" if serving is None else f"version {serving} is in service"
    tail = "" if contender is None else f", version {contender} contends"
    told = [f"[bold]{_clean(model['name'])}[/]: {head}{tail}"]
    for entry in model["entries"]:
        told += ["", *_entry_lines(entry)]
    told += [""] * bool(model["missing"])
    for tag in model["missing"]:
        told.append(difference_line(f"{tag} is missing: deleted, overwritten, or not fetched"))
    return "\n".join(told)


def rollback_line(name: str, version: int, against: int, tag: str) -> str:
    """What a rollback did."""
    served = f"instead of version {against}"
    return f"{_clean(name)} version {version} is in service again, {served} ({_clean(tag)})"


def difference_line(text: str) -> str:
    """An alias that is not as the record has it."""
    return f"[yellow]{_clean(text)}[/]"


def moved_line(difference: Mapping[str, Any]) -> str:
    """An alias that was brought in line with the record.

    Args:
        difference: What it was before, as ``rsft reconcile --json`` prints it.
    """
    alias = f"{_clean(difference['name'])}@{_clean(difference['alias'])}"
    found, recorded = _version(difference["found"]), _version(difference["recorded"])
    return f"{alias} moved from {found} to {recorded} ({_clean(difference['kind'])})"


def unregistered_line(why: str) -> str:
    """Says that a run ended without a version, and why."""
    return (
        f"[yellow]not registered:[/] {_clean(why)}; the run is complete, and `rsft register`, or "
        "the next run, registers it"
    )


def left_line(tag: str, why: str, *, more: int = 0) -> str:
    """Says that a run could not be registered, and why; and that there are more such."""
    others = f"; and {more} more, `rsft register` names them" if more else ""
    return f"[yellow]not registered:[/] {_clean(tag)}: {_clean(why)}{others}"


def _entry_lines(entry: Mapping[str, Any]) -> Iterator[str]:
    details = entry["details"]
    yield f"{_clean(entry['at'])}  [bold]version {entry['version']} {_event(entry)}[/]"
    if entry["kind"] == "registered":
        yield f"    run {_clean(details['run_id'])}, model {_clean(details['model_hash'])}"
    else:
        yield f"    {_clean(details['reason'])}"
    approved = details.get("approved_by")
    by = f"by {_clean(entry['by'])}" + (f", approved by {_clean(approved)}" if approved else "")
    yield f"    {by}, tag {_clean(entry['tag'])}"


def _event(entry: Mapping[str, Any]) -> str:
    if entry["kind"] == "registered":
        return "registered"
    against = entry["details"]["against"]
    if entry["kind"] == "judged":
        other = "the base" if against is None else f"version {against}"
        verdict = "passed" if entry["details"]["is_promoted"] is True else "not passed"
        return f"judged against {_clean(other)}: {verdict}"
    done = "promoted" if entry["kind"] == "promoted" else "put into service again"
    return f"{done}, the first champion" if against is None else f"{done}, for version {against}"


def _version(number: int | None) -> str:
    return "no version" if number is None else f"version {number}"


def _clean(text: object) -> str:
    return escape(plain(str(text)))
