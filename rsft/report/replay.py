"""What a replay tells: a line for each stage that is not as recorded, and how it differs."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.markup import escape

from rsft.report.plain import plain


def environment_lines(changes: list[Mapping[str, Any]]) -> Iterator[str]:
    """What is another here than it was then, before anything is rebuilt."""
    for change in changes:
        now = "is not here" if change["now"] is None else f"is {change['now']} here"
        yield f"[yellow]{_shown(change['what'])} {_shown(now)}, {_shown(change['then'])} then[/]"


def stage_lines(stage: Mapping[str, Any]) -> Iterator[str]:
    """How a stage differs, and what the cache got back of it; nothing where it does not."""
    for path in stage["on_rebuilt"]:
        yield f"    from {_shown(path)} as it was rebuilt: the cache does not hold the recorded one"
    if stage["kept"]:
        yield f"    lost and in the cache again: {stage['kept']:,} of its objects"
    if stage["error"] is not None:
        yield f"    [red]{_shown(stage['error'])}[/]"
    for out in stage["outs"]:
        if out["rebuilt"] == out["recorded"]:
            continue
        yield f"    [red]{_shown(out['path'])}[/]"
        yield f"      recorded {_shown(out['recorded'])}"
        yield f"      rebuilt  {_shown(out['rebuilt'] or 'nothing')}"
        for found in out["differences"]:
            place = f"{found['path']}: " if found["path"] else ""
            yield f"      {_shown(place + found['how'])}"


def verdict_line(replay: Mapping[str, Any]) -> str:
    """Whether the run was rebuilt."""
    stages = replay["stages"]
    other = [stage["name"] for stage in stages if stage["state"] != "same"]
    if not other:
        return f"[bold green]the same[/]: {_count(len(stages))} gave what the run recorded"
    named = _shown(", ".join(other))
    return f"[bold red]not the same[/]: {len(other)} of {_count(len(stages))}: {named}"


def _shown(text: str) -> str:
    return escape(plain(text))


def _count(stages: int) -> str:
    return f"{stages} stage{'' if stages == 1 else 's'}"
