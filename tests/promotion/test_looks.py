"""Which look a judgement is: of a hand-written record, and of tables of prompts in a cache."""

from pathlib import Path
from typing import Any

import pytest

from rsft.lineage import Entry
from rsft.promotion.exam import Exam, read_exam
from rsft.promotion.looks import count_looks, digest_judgement, number_of_look
from rsft.types import Answer
from tests.promotion.cases import POLICY, Checkout, answers, exam, greedy, policy

OURS, OTHERS = "a" * 32, "b" * 32
"""Hashes of a table that asks what is looked at now, and of one that does not."""


def judged(judgement: str | None, prompts: Any = OURS, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "kind": "judged",
        "name": "rsft",
        "version": 1,
        "number": 1,
        "tag": "t",
        "commit": "c",
        "at": "2026-11-27T00:00:00+00:00",
        "by": "Ann <a@example.org>",
    }
    asked = {"eval": prompts} if isinstance(prompts, str) else prompts
    details = {"judgement": judgement, "prompts": asked}
    return Entry(**(fields | changes), details=details)


RECORD = [
    judged("j1"),
    judged("j2", version=2),
    judged("j2", version=2, number=2),
    judged("j3", OTHERS, version=3),
    judged("j1", kind="promoted"),
    judged("j4", version=5, name="another model"),
    judged("j5", {"eval": OTHERS, "guard": OURS}, version=6),
]


def number(record: list[Entry], judgement: str) -> int:
    return number_of_look(record, judgement, lambda md5: md5 == OURS)


def test_the_first_judgement_at_a_set_is_look_1():
    assert number([], "j1") == 1
    assert number([judged("j3", OTHERS)], "j1") == 1


def test_each_judgement_counts_once_whatever_model_it_was_of_and_whatever_set_asked():
    """Four so far: two models' of three versions, and one that guarded by these questions."""
    assert number(RECORD, "j9") == 5


def test_the_same_judgement_again_is_no_new_look():
    assert [number(RECORD, j) for j in ("j1", "j2", "j4", "j5")] == [1, 2, 3, 4]


def test_a_verdict_whose_tag_was_deleted_is_a_look():
    """Version 2's first verdict is gone, and its third and fourth, of whatever they were."""
    record = [
        judged("j1"),
        judged("j2", version=2, number=2),
        judged("j3", OTHERS, version=2, number=5),
    ]
    assert [number(record, j) for j in ("j1", "j2", "j9")] == [1, 3, 6]


@pytest.mark.parametrize("prompts", [None, {}, {"eval": 1}, {"eval": [OTHERS]}, {"eval": "x"}])
def test_a_verdict_that_does_not_say_what_it_looked_at_is_a_look(prompts: Any):
    assert number([judged("j1", prompts)], "j9") == 2
    assert number([judged(None, OTHERS)], "j9") == 2


# What shares a question, by the tables themselves.


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def examined(checkout: Checkout, run_id: str, **changes: Any) -> Exam:
    return read_exam(checkout.workspace, checkout.run(run_id, answers(30), **changes))


def looks(checkout: Checkout, now: Exam, *before: Exam) -> dict[str, int]:
    record = [
        judged(f"j{number}", dict(exam.prompts), version=number)
        for number, exam in enumerate(before, start=1)
    ]
    return count_looks(checkout.workspace, record, now, "j9")


def test_one_question_that_stays_is_enough_and_each_set_counts_for_itself(checkout: Checkout):
    first = examined(checkout, "r1")
    one_left = examined(checkout, "r2", prompts="anew", kept={"eval": 1})
    all_new = examined(checkout, "r3", prompts="new")
    assert looks(checkout, first, first) == {"eval": 2, "guard": 2}
    assert looks(checkout, one_left, first) == {"eval": 2, "guard": 1}
    assert looks(checkout, all_new, first, one_left) == {"eval": 1, "guard": 1}


def test_a_question_that_is_only_written_otherwise_is_the_same(checkout: Checkout):
    first = examined(checkout, "r1")
    assert looks(checkout, examined(checkout, "r2", prompts="Asked,  "), first)["eval"] == 2


def test_what_a_table_asked_that_is_gone_is_not_known_and_counts(checkout: Checkout):
    gone = examined(checkout, "r1")
    checkout.object(gone.prompts["eval"]).unlink()
    assert looks(checkout, examined(checkout, "r2", prompts="new"), gone)["eval"] == 2


# What is the same judgement.

EASED = POLICY.replace("least: 0.01", "least: 0")


def digest(ours: list[Answer], text: str = POLICY, against: int | None = 1, **changes: Any) -> str:
    taken = exam()
    if changes:
        fields = {"run": taken.run, "config": taken.config, "prompts": taken.prompts}
        taken = Exam(**(fields | changes))
    theirs = {"eval": greedy(40)}
    return digest_judgement(taken, {"eval": ours}, theirs, policy(text), ("rsft", 2, against))


def test_other_answers_another_judge_policy_or_champion_make_another_judgement():
    first = digest(greedy(54))
    others = [
        digest(greedy(55)),
        digest(greedy(54), EASED),
        digest(greedy(54), against=None),
        digest(greedy(54), fingerprint="judged otherwise"),
    ]
    assert digest(greedy(54)) == first
    assert len({first, *others}) == 5
