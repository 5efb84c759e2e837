"""Where a checkout stands, for the terminal: a line for each thing.

Messages of runs and names in tags may be others': they are escaped and hold no control characters.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape

from rsft.report.plain import plain

_MESSAGE = 100
_MOST_NAMED = 3


def status_lines(status: Mapping[str, Any]) -> str:
    """What ``rsft status`` shows.

    Args:
        status: What ``rsft status --json`` prints.
    """
    parts = (
        *(_server_lines, _flow_lines, _waiting_lines, _model_lines),
        *(_held_lines, _edited_lines, _owed_lines),
    )
    return "\n".join(line for part in parts for line in part(status))


def _server_lines(status: Mapping[str, Any]) -> Iterator[str]:
    if status["prefect"] is not None:
        page = _clean(status["prefect"]["address"])
        yield f"[bold]server[/]      {page}; for `prefect …`: export PREFECT_API_URL={page}/api"


def _flow_lines(status: Mapping[str, Any]) -> Iterator[str]:
    prefect = status["prefect"]
    if prefect is None:
        yield f"[yellow]runs[/]        not known: {_clean(status['prefect_problem'])}"
        return
    for name, flow in prefect["flows"].items():
        yield f"[bold]{name:<11}[/] {_last(flow['last'])}; {_next(name, flow)}"


def _last(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "has not run yet"
    style = {"Completed": "green", "Failed": "red", "Crashed": "red"}.get(run["state"], "yellow")
    told = f": {_short(run['message'])}" if run["message"] and run["state"] != "Completed" else ""
    return f"[{style}]{_clean(run['state'].lower())}[/] {_time(run['at'])}{told}"


def _next(name: str, flow: Mapping[str, Any]) -> str:
    if flow["next"] is not None:
        due = "queued since" if flow["is_queued"] else "next"
        due = "[yellow]late since[/]" if flow["is_late"] else due
        return f"{due} {_time(flow['next'])}"
    if any(not schedule["is_active"] for schedule in flow["schedules"]):
        return f"its schedule is off (`prefect deployment schedule ls {name}/{name}`)"
    return "nothing is due"


def _waiting_lines(status: Mapping[str, Any]) -> Iterator[str]:
    for run in (status["prefect"] or {"waiting": ()})["waiting"]:
        version = _clean(run["version"] or "the challenger")
        yield f"[yellow]waiting[/]     {version} for a yes or no, at {_clean(run['link'])}"


def _model_lines(status: Mapping[str, Any]) -> Iterator[str]:
    if not status["models"]:
        yield "[bold]model[/]       none is registered yet"
    for model in status["models"]:
        name, champion, challenger = _clean(model["name"]), model["champion"], model["challenger"]
        serves = "no champion" if champion is None else f"champion {champion}"
        since = "" if champion is None else f" since {_time(model['since'])}"
        contends = "" if challenger is None else f", challenger {challenger}{_verdict(model)}"
        yield f"[bold]model[/]       {name}: {serves}{since}{contends}"
        if model["verdict"] == "awaits approval":
            named = f"{name}/{challenger}"
            yield f"[yellow]waiting[/]     {named}: `rsft promote {named} --approve NAME` says yes"


def _verdict(model: Mapping[str, Any]) -> str:
    if model["reason"] is None:
        return " (not judged yet)"
    return f" ({_short(model['reason'])})"


def _held_lines(status: Mapping[str, Any]) -> Iterator[str]:
    for folder, holder in status["held"].items():
        yield f"[bold]at work[/]     {_clean(holder)} in {_clean(folder)}"
    if not status["held"]:
        yield "[bold]at work[/]     no run holds a workspace"


def _edited_lines(status: Mapping[str, Any]) -> Iterator[str]:
    names = status["uncommitted"]
    if names:
        yield f"[yellow]edited[/]      {_clean(uncommitted_text(names))}"


def uncommitted_text(names: Sequence[str]) -> str:
    """What deployed runs will do without.

    Args:
        names: Files that were edited since the checkout's commit.
    """
    listed = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{listed}{more} not committed: deployed runs work at the commit, without that"


def _owed_lines(status: Mapping[str, Any]) -> Iterator[str]:
    runs = status["unpushed"]
    if runs:
        yield f"[yellow]remote[/]      lacks the data of {len(runs)} runs; the next run pushes it"
    else:
        yield "[bold]remote[/]      is owed nothing"


def _time(stamp: str) -> str:
    """In the zone of the machine, to the minute."""
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M %Z}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return _clean(line if len(line) <= _MESSAGE else line[: _MESSAGE - 1] + "…")


def _clean(text: object) -> str:
    return escape(plain(str(text)))
