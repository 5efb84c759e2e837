import math
from itertools import combinations

import pytest

from rsft.evaluate import pass_at_k, perplexity


def by_enumeration(correct: int, draws: int, k: int) -> float:
    """The share of all choices of k draws with a right one among them."""
    choices = list(combinations([True] * correct + [False] * (draws - correct), k))
    return sum(any(choice) for choice in choices) / len(choices)


@pytest.mark.parametrize("draws", range(1, 8))
def test_pass_at_k_is_the_share_of_choices_with_a_right_draw(draws):
    for k in range(1, draws + 1):
        for correct in range(draws + 1):
            expected = by_enumeration(correct, draws, k)
            assert pass_at_k(correct, draws, k) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("correct", "draws", "k", "expected"),
    [(1, 4, 2, 0.5), (2, 4, 2, 5 / 6), (3, 10, 1, 0.3), (0, 8, 8, 0.0), (1, 8, 8, 1.0)],
)
def test_hand_worked(correct, draws, k, expected):
    assert pass_at_k(correct, draws, k) == pytest.approx(expected)


@pytest.mark.parametrize(("correct", "draws", "k"), [(0, 0, 1), (3, 3, 4), (0, 7, 8)])
def test_below_k_draws_it_is_undefined(correct, draws, k):
    assert pass_at_k(correct, draws, k) is None


def test_many_draws_do_not_overflow():
    """1 − (1 − 0.001)(1 − 0.001·10000/9999)… lies near 1 − 0.999^100."""
    assert pass_at_k(10, 10_000, 100) == pytest.approx(1 - 0.999**100, rel=0.01)


def test_perplexity_is_per_token_not_per_reference():
    """One token of probability ½, and three that have ⅛ together: (½·⅛)^(−¼) = 2."""
    assert perplexity([math.log(1 / 2), math.log(1 / 8)], [1, 3]) == pytest.approx(2)
    assert perplexity([0.0], [5]) == 1


@pytest.mark.parametrize(
    ("logprobs", "tokens"), [([], []), ([-1e6], [2]), ([-math.inf], [2]), ([math.nan], [2])]
)
def test_a_perplexity_that_is_no_number_is_none(logprobs, tokens):
    assert perplexity(logprobs, tokens) is None
