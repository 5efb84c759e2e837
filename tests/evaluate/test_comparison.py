import dataclasses

import pytest

from rsft.errors import LineageError
from rsft.evaluate import Interval, bootstrap_interval, compare, mcnemar
from rsft.types import Answer
from tests.answers import answer

SETTINGS = {"resamples": 500, "confidence": 0.95, "seed": 0}


def answers(is_correct: list[int | None]) -> list[Answer]:
    return [
        answer(number, None if value is None else bool(value))
        for number, value in enumerate(is_correct)
    ]


def test_a_comparison_is_of_the_paired_differences_by_family():
    ours, theirs = [1, 1, 1, 0, 1, 0], [1, 0, 1, 0, 0, 1]
    found = compare(answers(ours), answers(theirs), **SETTINGS)
    assert found.gain == bootstrap_interval([0, 1, 0, 0, 1, -1], list("aabbcc"), **SETTINGS)
    assert found.resampled == 3
    assert found.gain.estimate == pytest.approx(1 / 6)
    assert (found.better, found.worse, found.p_value) == (2, 1, mcnemar(2, 1))


def test_a_pair_of_which_one_cannot_be_scored_says_nothing():
    ours, theirs = answers([1, None, 1, 1]), answers([0, 0, None, 1])
    found = compare(ours, theirs, **SETTINGS)
    assert found.gain == bootstrap_interval([1, 0], list("ab"), **SETTINGS)
    assert found.resampled == 2
    assert (found.better, found.worse) == (1, 0)


def test_without_a_pair_there_is_no_comparison():
    assert compare(answers([1, None]), answers([None, 1]), **SETTINGS) is None


def test_prompts_are_paired_by_id_not_by_place():
    rows = answers([1, 0, 1, 1, 0, 0])
    found = compare(rows, rows[::-1], **SETTINGS)
    assert found.gain == Interval(estimate=0, low=0, high=0)
    assert (found.better, found.worse, found.p_value) == (0, 0, 1.0)


def test_the_other_way_round_the_difference_is_negative():
    ours, theirs = answers([1, 1, 1, 0]), answers([0, 0, 1, 0])
    one, other = compare(ours, theirs, **SETTINGS), compare(theirs, ours, **SETTINGS)
    assert (one.gain.estimate, other.gain.estimate) == (0.5, -0.5)
    assert (one.better, one.worse) == (other.worse, other.better) == (2, 0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [([0, 1], [0, 2]), ([0, 1], [0]), ([0], [0, 1]), ([0, 0, 1], [0, 1]), ([0, 1], [0, 1, 1])],
    ids=["others", "fewer", "more", "one twice", "one of theirs twice"],
)
def test_answers_to_different_prompts_are_not_compared(ours, theirs):
    rows = [[answer(number, True) for number in numbers] for numbers in (ours, theirs)]
    message = f"{len(ours)} answers and {len(theirs)} answers are not to the same prompts"
    with pytest.raises(LineageError, match=message):
        compare(*rows, **SETTINGS)


def test_families_are_those_of_the_challenger():
    """Prompts grouped anew since the other was evaluated: today's grouping counts."""
    ours, theirs = answers([1] * 6 + [0] * 6), answers([0] * 12)
    apart = [dataclasses.replace(row, family=row.prompt_id) for row in theirs]
    assert compare(ours, apart, **SETTINGS) == compare(ours, theirs, **SETTINGS)
