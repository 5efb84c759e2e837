from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from rsft.evaluate import maj_at_k


def rights(outcomes: str) -> list[bool]:
    """``R`` is right."""
    return [outcome == "R" for outcome in outcomes]


def votes(outcomes: str) -> list[str | None]:
    """``-`` is no vote."""
    return [None if outcome == "-" else outcome for outcome in outcomes]


def by_enumeration(outcomes: list[str | None], is_right: list[bool], k: int) -> float:
    """The mean over all k-subsets of the rightness of the winner, ties shared."""
    size, right = Counter(outcomes), Counter()
    for outcome, ok in zip(outcomes, is_right, strict=True):
        right[outcome] += ok
    found = []
    for subset in combinations(outcomes, k):
        count = Counter(outcome for outcome in subset if outcome is not None)
        most = [outcome for outcome in count if count[outcome] == max(count.values())]
        found.append(sum(right[o] / size[o] for o in most) / len(most) if most else 0.0)
    return sum(found) / len(found)


@pytest.mark.parametrize(
    ("outcomes", "k", "expected"),
    [
        ("R", 1, 1.0),
        ("W", 1, 0.0),
        ("RRW", 1, 2 / 3),
        ("RRW", 2, (1 + 0.5 + 0.5) / 3),  # RR, and twice RW, a tie
        ("RRW", 3, 1.0),
        ("RWX", 3, 1 / 3),  # a tie of three
        ("RWW", 3, 0.0),
        ("RRWWX", 5, 0.5),
        ("R---", 4, 1.0),  # who says nothing does not vote
        ("R-", 1, 0.5),
        ("RW--", 2, (0.5 + 1 + 1 + 0 + 0 + 0) / 6),
        ("---", 2, 0.0),
    ],
)
def test_hand_worked(outcomes, k, expected):
    assert maj_at_k(votes(outcomes), rights(outcomes), k) == pytest.approx(expected, abs=1e-12)


def test_it_is_the_mean_over_all_subsets():
    """300 cases, with draws of one outcome of which some are right and others not."""
    random = np.random.default_rng(0)
    for _ in range(300):
        draws = int(random.integers(1, 10))
        k = int(random.integers(1, draws + 1))
        outcomes = [(None, "a", "b", "c", "d")[n] for n in random.integers(5, size=draws)]
        is_right = (random.random(draws) < 0.5).tolist()
        expected = by_enumeration(outcomes, is_right, k)
        assert maj_at_k(outcomes, is_right, k) == pytest.approx(expected, abs=1e-12)


def test_of_one_draw_it_is_the_share_of_right_votes():
    outcomes = "RRRWX--"
    assert maj_at_k(votes(outcomes), rights(outcomes), 1) == pytest.approx(3 / 7)


def test_below_k_draws_it_is_undefined():
    assert maj_at_k(["a"] * 3, [True] * 3, 4) is None
    assert maj_at_k([], [], 1) is None


def test_the_order_of_draws_does_not_matter():
    outcomes = "RRWWWX-"
    one, other = (maj_at_k(votes(o), rights(o), 4) for o in (outcomes, outcomes[::-1]))
    assert one == other


def test_many_draws_neither_cancel_nor_overflow():
    """Of two outcomes with 600 draws each, one is as likely to win as the other."""
    assert maj_at_k(votes("RW" * 600), rights("RW" * 600), 101) == pytest.approx(0.5, abs=1e-9)
    assert maj_at_k(votes("RW" * 32), rights("RW" * 32), 64) == pytest.approx(0.5, abs=1e-12)


def test_it_grows_with_the_votes_where_the_right_outcome_is_the_commonest():
    outcomes = "RRRRRRR" + "WWWWW" + "XX" + "--"
    found = [maj_at_k(votes(outcomes), rights(outcomes), k) for k in (1, 5, 16)]
    assert found == sorted(found)
    assert found[-1] == 1.0
