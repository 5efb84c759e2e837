"""What was taken in, as it is told; hostile lines stay text."""

from typing import Any

from rsft.report.prompts import addition_lines, taken_markdown, version_lines

NO_ID = {"line": 7, "reason": "no <id>"}


def addition(**told: Any) -> dict[str, Any]:
    return {
        "at": "2026-11-27T00:00:00+00:00",
        "source": "in.jsonl",
        "sha256": "0" * 64,
        "new": 2,
        "known": 1,
        "refused": 0,
        "near": 0,
        "total": 1002,
        "fingerprint": "ab" * 16,
        "before": "cd" * 16,
        "refusals": [],
        **told,
    }


def test_counts_come_first_then_the_refused_lines_then_the_version() -> None:
    refusals = [{"line": n, "reason": f"why [red]{n}\x1b[2J"} for n in range(1, 41)]
    lines = list(addition_lines(addition(refused=50, refusals=refusals, near=1)))
    assert lines[0] == "[bold]in.jsonl[/]: 2 new, 1 known, 50 refused"
    assert lines[1] == "  line 1: why \\[red]1\\x1b[2J"
    assert lines[21] == "  and 30 lines more"
    assert lines[22].startswith("  1 of the new ones share text with evaluation prompts")
    assert lines[23] == "1,002 prompts to train on, version abababababab"
    assert len(lines) == 24


def test_versions_say_where_the_file_was_changed_by_other_means() -> None:
    second = addition(before="ef" * 16, fingerprint="01" * 16, new=1, total=1003)
    lines = list(version_lines([addition(), second], "23" * 16))
    assert lines == [
        "abababababab  2026-11-27T00:00:00+00:00  1,002 prompts, 2 new of in.jsonl",
        "  changed by other means",
        "010101010101  2026-11-27T00:00:00+00:00  1,003 prompts, 1 new of in.jsonl",
        "  changed by other means; it is version 232323232323 now",
    ]
    assert list(version_lines([addition()], "ab" * 16)) == lines[:1]
    assert list(version_lines([], "ab" * 16)) == [
        "nothing was added yet; `rsft prompts add FILE` does it"
    ]


def test_a_name_cannot_leave_its_cell() -> None:
    rows = [
        {"name": "a|<b>`", "problem": None, "addition": addition()},
        {"name": "c", "problem": "not UTF-8", "addition": None},
        {"name": "d", "problem": None, "addition": addition(refused=1, refusals=[NO_ID])},
        {"name": "e", "problem": None, "addition": addition(refused=1_200, refusals=[NO_ID] * 20)},
    ]
    assert taken_markdown(rows).splitlines()[2:] == [
        "| a&#124;&lt;b&gt;&#96; | 2 | 1 | 0 |  |",
        "| c | – | – | – | not UTF-8 |",
        "| d | 2 | 1 | 1 | line 7: no &lt;id&gt; |",
        "| e | 2 | 1 | 1200 | line 7: no &lt;id&gt;; and 1,199 more |",
    ]
