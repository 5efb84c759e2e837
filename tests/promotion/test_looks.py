from typing import Any

from rsft.lineage import Entry
from rsft.promotion.looks import number_of_look


def judged(version: int, against: int | None, evaluation: str = "e1", **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "kind": "judged",
        "name": "rsft",
        "version": version,
        "number": 1,
        "tag": "t",
        "commit": "c",
        "at": "2026-11-27T00:00:00+00:00",
        "by": "Ann <a@example.org>",
    }
    look = changes.pop("look", 1)
    details = {"against": against, "evaluation": evaluation, "look": look}
    return Entry(**(fields | changes), details=details)


RECORD = [
    judged(1, None),
    judged(2, 1),
    judged(2, 1),
    judged(3, 1, evaluation="other"),
    judged(1, 1, kind="promoted"),
    judged(4, 1, look=None),
    judged(5, 1, name="another model"),
]


def test_the_first_comparison_on_a_set_is_look_1():
    assert number_of_look([], "e1", ("rsft", 1, None)) == 1
    assert number_of_look(RECORD, "new prompts", ("rsft", 6, 2)) == 1


def test_each_comparison_counts_once_whatever_model_it_was_of():
    """Three so far: 1 with the base, 2 with 1, and another model's; nothing was looked at of 4."""
    assert number_of_look(RECORD, "e1", ("rsft", 6, 2)) == 4
    assert number_of_look(RECORD, "other", ("rsft", 6, 2)) == 2


def test_the_same_comparison_again_is_no_new_look():
    assert number_of_look(RECORD, "e1", ("rsft", 1, None)) == 1
    assert number_of_look(RECORD, "e1", ("rsft", 2, 1)) == 2
    assert number_of_look(RECORD, "e1", ("another model", 5, 1)) == 3


def test_a_verdict_whose_tag_was_deleted_is_a_look():
    """Version 2's first verdict is gone, and its third and fourth, of whatever they were."""
    record = [judged(1, None), judged(2, 1, number=2), judged(2, 1, "other", number=5)]
    assert number_of_look(record, "e1", ("rsft", 1, None)) == 1
    assert number_of_look(record, "e1", ("rsft", 2, 1)) == 3
    assert number_of_look(record, "e1", ("rsft", 3, 1)) == 6
    assert number_of_look(record, "other", ("rsft", 2, 1)) == 4


def test_another_champion_makes_another_comparison():
    assert number_of_look(RECORD, "e1", ("rsft", 2, 3)) == 4
    assert number_of_look(RECORD, "e1", ("rsft", 1, 2)) == 4


def test_a_verdict_of_another_tool_is_none():
    foreign = judged(1, None)
    assert (
        number_of_look(
            [Entry(**(vars_of(foreign) | {"details": {"against": 1}}))], "e1", ("r", 1, 1)
        )
        == 1
    )


def vars_of(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
