"""What an audit says is told whole, and hostile text stays text."""

import io

import pytest
from rich.console import Console

from rsft.report.audit import audit_lines, audit_markdown, outcome_line
from rsft.report.plain import plain

FINDING = {
    "kind": "object",
    "what": "run/1: data/[bold]x[/]\n```\n# heading",
    "expected": "MD5 " + "0" * 32,
    "found": "MD5 " + "1" * 32 + " in the cache, /" + "long/" * 30,
    "remedy": "remove it | `dvc fetch`",
}


def audit(findings: list[dict], notes: list[dict]) -> dict:
    return {
        "passed": not findings,
        "runs": ["run/1"],
        "checked": {"object": 1234, "edge": 5},
        "hashed": [{"place": "cache", "objects": 1234, "bytes": 5_000_000, "seconds": 0.1}],
        "findings": findings,
        "notes": notes,
        "seconds": 1.23,
    }


def shown(document: dict) -> str:
    console = Console(file=io.StringIO(), width=80, soft_wrap=True)
    console.print(audit_lines(document))
    return console.file.getvalue()


def test_what_passed_is_told_with_how_much_was_compared() -> None:
    lines = shown(audit([], [])).splitlines()
    assert [line.split() for line in lines if line.endswith("ok")] == [
        ["1,234", "objects", "hashed", "again", "ok"],
        ["5", "inputs", "against", "the", "outputs", "they", "are", "ok"],
    ]
    assert lines[-1] == "audit passed; 1 run, 1,234 files hashed (5.0 MB) in 1.2 s"


def test_of_what_mlflow_serves_only_the_policy_is_said_to_be_compared() -> None:
    text = shown(audit([], []) | {"checked": {"artifact": 7}})
    assert "        7 files of the policy that MLflow would serve ok" in text


def test_a_finding_is_told_whole_at_any_width() -> None:
    text = shown(audit([FINDING], []))
    for part in FINDING.values():
        assert plain(part) in text
    assert "1 differ\n" in text
    assert text.splitlines()[-1].startswith("audit failed: 1 differs; 1 run")


@pytest.mark.parametrize("part", ["what", "expected", "found", "remedy"])
def test_no_text_commands_the_terminal_or_forges_a_line(part: str) -> None:
    hostile = FINDING | {part: "x\x1b[2J\u202e\naudit passed"}
    text = shown(audit([hostile], []))
    assert "x\\x1b[2J\\u202e\\naudit passed" in text
    assert not set(text) & {"\x1b", "\u202e"}


def test_a_note_fails_nothing() -> None:
    text = shown(audit([], [FINDING]))
    assert "note object: run/1" in text
    assert "audit passed" in text


@pytest.mark.parametrize(("count", "told"), [(1, "1 differs;"), (2, "2 differ;")])
def test_the_outcome_is_one_line(count: int, told: str) -> None:
    assert told in outcome_line(audit([FINDING] * count, []))


def test_on_a_page_no_text_ends_its_block() -> None:
    page = audit_markdown(audit([FINDING], [FINDING]))
    told = [line for line in page.splitlines() if "heading" in line or "bold" in line]
    assert told
    assert all(line.startswith("    ") for line in told)
    assert "| objects hashed again | 1,234 |" in page
