import dataclasses

import pytest

from rsft.errors import LineageError, VerifierError
from rsft.evaluate import Interval, bootstrap_interval, compare, summarise
from rsft.types import Answer

SETTINGS = {"resamples": 500, "confidence": 0.95, "seed": 0}


def answer(number: int, is_correct: bool | None, correct_draws: int = 0, draws: int = 4) -> Answer:
    """To prompt ``number``; two prompts make a family."""
    return Answer(
        split="eval",
        prompt_id=f"p{number}",
        family=f"f{number // 2}",
        prompt="1 + 1",
        context=(),
        golds=("2",),
        completion="2",
        outcome="2",
        is_correct=is_correct,
        draws=draws,
        correct_draws=correct_draws,
    )


def answers(is_correct: list[int]) -> list[Answer]:
    return [answer(number, bool(value)) for number, value in enumerate(is_correct)]


def test_exact_match_is_resampled_by_family():
    found = summarise(answers([1, 1, 0, 0, 1, 0]), draws=4, k=1, **SETTINGS)
    expected = bootstrap_interval([1, 1, 0, 0, 1, 0], list("aabbcc"), **SETTINGS)
    assert (found["prompts"], found["exact_match"]) == (6, 0.5)
    assert (found["low"], found["high"]) == (expected.low, expected.high)
    assert found["low"] < 0.5 < found["high"]


def test_pass_at_k_is_the_mean_over_prompts():
    """½ of a prompt with 1 of 4 right, 1 of one with 3 of 4; greedy answers do not count."""
    rows = [answer(0, False, correct_draws=1), answer(1, False, correct_draws=3)]
    found = summarise(rows, draws=4, k=2, **SETTINGS)
    assert found["pass_at_k"] == pytest.approx((0.5 + 1) / 2)
    assert (found["pass_at_k_prompts"], found["exact_match"]) == (2, 0.0)


def test_prompts_below_k_scored_draws_are_left_out_and_counted():
    rows = [
        answer(0, True, correct_draws=1, draws=4),
        answer(1, True, correct_draws=1, draws=1),
        answer(2, True, correct_draws=0, draws=0),
    ]
    found = summarise(rows, draws=4, k=2, **SETTINGS)
    assert found["pass_at_k"] == pytest.approx(0.5)
    assert (found["pass_at_k_prompts"], found["prompts"]) == (1, 3)


def test_where_no_prompt_has_k_draws_pass_at_k_is_unknown():
    found = summarise([answer(0, True, draws=3, correct_draws=3)], draws=4, k=4, **SETTINGS)
    assert (found["pass_at_k"], found["pass_at_k_prompts"]) == (None, 0)


def test_what_cannot_be_scored_is_counted_and_in_no_mean():
    """Taken for wrong, it would give ½ and ⅓ (several peers score a crash 0)."""
    rows = [
        answer(0, True, correct_draws=2, draws=2),
        answer(1, None, correct_draws=0, draws=0),
        answer(2, True, correct_draws=4, draws=4),
        answer(3, False, correct_draws=0, draws=3),
    ]
    found = summarise(rows, draws=4, k=2, **SETTINGS)
    assert found["exact_match"] == found["pass_at_k"] == pytest.approx(2 / 3)
    assert (found["prompts"], found["unscorable"]) == (4, 1)
    assert (found["pass_at_k_prompts"], found["unscorable_draws"]) == (3, 2 + 4 + 0 + 1)


def test_a_pair_of_which_one_cannot_be_scored_says_nothing():
    ours = [answer(number, value) for number, value in enumerate([True, None, True, True])]
    theirs = [answer(number, value) for number, value in enumerate([False, False, None, True])]
    expected = bootstrap_interval([1, 0], list("ab"), **SETTINGS)
    assert compare(ours, theirs, **SETTINGS) == expected
    with pytest.raises(VerifierError, match="of 2 prompts there is none on which both"):
        compare(ours[:2], [answer(0, None), answer(1, True)], **SETTINGS)


def test_no_answers_have_no_summary():
    with pytest.raises(ValueError, match="no prompts"):
        summarise([], draws=4, k=1, **SETTINGS)


def test_a_comparison_is_of_the_paired_differences_by_family():
    ours, theirs = [1, 1, 1, 0, 1, 0], [1, 0, 1, 0, 0, 1]
    expected = bootstrap_interval([0, 1, 0, 0, 1, -1], list("aabbcc"), **SETTINGS)
    assert compare(answers(ours), answers(theirs), **SETTINGS) == expected
    assert expected.estimate == pytest.approx(1 / 6)


def test_prompts_are_paired_by_id_not_by_place():
    rows = answers([1, 0, 1, 1, 0, 0])
    assert compare(rows, rows[::-1], **SETTINGS) == Interval(estimate=0, low=0, high=0)


def test_the_other_way_round_the_difference_is_negative():
    ours, theirs = answers([1, 1, 1, 0]), answers([0, 0, 1, 0])
    assert compare(ours, theirs, **SETTINGS).estimate == 0.5
    assert compare(theirs, ours, **SETTINGS).estimate == -0.5


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
