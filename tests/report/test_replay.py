"""What a replay tells, on a terminal of 80 columns."""

import io
from collections.abc import Iterable

from rich.console import Console

from rsft.report.replay import environment_lines, stage_lines, verdict_line

SAME = {"path": "data/a", "recorded": "1" * 32, "rebuilt": "1" * 32, "differences": []}
OTHER = {
    "path": "data/[b]",
    "recorded": f"{'2' * 32}.dir",
    "rebuilt": f"{'3' * 32}.dir",
    "differences": [
        {"path": "[x]", "how": "1 of 2 rows differ in text: row 0 (prompt_id \x1b[1m)"}
    ],
}
GONE = {
    "path": "data/c",
    "recorded": "4" * 32,
    "rebuilt": None,
    "differences": [{"path": "", "how": "was not made"}],
}


def stage(**changes: object) -> dict:
    same = {
        "name": "s@1",
        "state": "same",
        "outs": [SAME],
        "error": None,
        "on_rebuilt": [],
        "kept": 0,
    }
    return same | changes


def shown(lines: Iterable[str]) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=80, soft_wrap=True)
    for line in lines:
        console.print(line)
    return out.getvalue().splitlines()


def test_of_a_stage_that_is_the_same_nothing_is_told() -> None:
    assert shown(stage_lines(stage())) == []


def test_what_differs_is_told_with_whole_hashes() -> None:
    assert shown(stage_lines(stage(outs=[SAME, OTHER, GONE], on_rebuilt=["data/[z]"]))) == [
        "    from data/[z] as it was rebuilt: the cache does not hold the recorded one",
        "    data/[b]",
        f"      recorded {'2' * 32}.dir",
        f"      rebuilt  {'3' * 32}.dir",
        "      [x]: 1 of 2 rows differ in text: row 0 (prompt_id \\x1b[1m)",
        "    data/c",
        f"      recorded {'4' * 32}",
        "      rebuilt  nothing",
        "      was not made",
    ]


def test_what_the_cache_got_back_is_told() -> None:
    lines = shown(stage_lines(stage(outs=[SAME], kept=3)))
    assert lines == ["    lost and in the cache again: 3 of its objects"]


def test_why_a_stage_failed_is_told() -> None:
    assert shown(stage_lines(stage(outs=[], error="too [loud]\x07"))) == ["    too [loud]\\x07"]


def test_the_environment_is_told_package_by_package() -> None:
    changes = [
        {"what": "numpy", "then": "1", "now": "2"},
        {"what": "torch", "then": "2+cpu", "now": None},
    ]
    assert shown(environment_lines(changes)) == [
        "numpy is 2 here, 1 then",
        "torch is not here, 2+cpu then",
    ]


def test_the_verdict_names_the_stages_that_differ() -> None:
    same, other = stage(), stage(name="t@2", state="failed")
    assert shown([verdict_line({"stages": [same]})]) == [
        "the same: 1 stage gave what the run recorded"
    ]
    assert shown([verdict_line({"stages": [same, other]})]) == ["not the same: 1 of 2 stages: t@2"]


def test_no_text_commands_the_terminal() -> None:
    hostile = "[b]\x1b[2J"
    out = {"path": hostile, "recorded": hostile, "rebuilt": f"2{hostile}", "differences": []}
    other = stage(name=hostile, state="differs", outs=[out], error=hostile, on_rebuilt=[hostile])
    change = {"what": hostile, "now": hostile, "then": hostile}
    lines = shown(
        [
            *environment_lines([change]),
            *stage_lines(other),
            verdict_line({"stages": [other]}),
        ]
    )
    assert len(lines) == 7
    assert all("[b]\\x1b[2J" in line for line in lines)
    assert "\x1b" not in "".join(lines)
