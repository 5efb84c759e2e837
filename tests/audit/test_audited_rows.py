"""Rows are counted again, and verdicts held against them."""

import json

import pytest

from tests.audit.conftest import (
    Audited,
    replace_member,
)


def test_rows_that_a_table_has_not_are_found(audited: Audited) -> None:
    audited.edit_manifest(lambda m: m["rows"].update({"data/rounds/1/decisions": 9}))
    found = audited.finding()
    assert (found.kind, found.expected, found.found) == ("rows", "9", "8")


@pytest.mark.parametrize(
    ("path", "rows"),
    [("data/prompts", 9), ("data/prompts/parts", 7), ("data/rounds/1/figures", 0), ("data/x", 0)],
)
def test_a_folder_of_parts_is_counted_wherever_it_lies(
    audited: Audited, path: str, rows: int
) -> None:
    """Two tables of 6 and 3 rows lie in ``data/prompts``, 5 and 2 in a folder in it."""
    audited.edit_manifest(lambda m: m["rows"].update({path: 100}))
    found = audited.finding()
    assert (found.kind, found.expected, found.found) == ("rows", "100", str(rows))


def test_a_verdict_on_other_rows_is_found(audited: Audited) -> None:
    """Its file is put in place of the sound one, and everything else made to fit."""
    verdict = audited.object("data/rounds/1/validation/verdict.json")
    document = json.loads(verdict.read_text()) | {"rows": 5, "success": False}
    replace_member(audited, "data/rounds/1/validation", "verdict.json", json.dumps(document))
    findings = audited.all(with_checkout=False).findings
    told = [(f.kind, f.what.rpartition("verdict.json: ")[2], f.expected, f.found) for f in findings]
    assert told == [
        ("expectations", "rows judged, of accepted", "4", "5"),
        ("expectations", "success", "True", "False"),
    ]


def test_the_manifest_is_held_against_the_verdict(audited: Audited) -> None:
    told = {"success": True, "evaluated": 10, "failed": [], "hash": "?"}
    told["path"] = "data/rounds/1/validation"
    audited.edit_manifest(lambda manifest: manifest.update(expectations={"1": told}))
    findings = audited.all().findings
    assert [f.kind for f in findings] == ["expectations"] * 2
    assert (findings[0].expected, findings[0].found) == ("9", "10")
