from math import comb

import pytest

from rsft.evaluate import mcnemar


@pytest.mark.parametrize(
    ("better", "worse", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 · ½
        (5, 0, 2 / 32),
        (0, 5, 2 / 32),
        (6, 1, 2 * (1 + 7) / 128),
        (9, 3, 2 * (1 + 12 + 66 + 220) / 4096),
        (4, 4, 1.0),  # twice more than one half
    ],
)
def test_hand_worked(better, worse, expected):
    assert mcnemar(better, worse) == pytest.approx(expected, rel=1e-15)


def test_its_false_alarms_are_at_most_the_level():
    """Where neither is better, p ≤ 0.05 has a probability of at most 0.05, for any number."""
    for count in range(1, 60):
        alarms = sum(comb(count, b) for b in range(count + 1) if mcnemar(b, count - b) <= 0.05)
        assert alarms / 2**count <= 0.05


@pytest.mark.parametrize(
    ("better", "worse", "expected"),
    [(700, 900, 6.31948495945e-07), (3000, 2800, 0.008969436001193)],
)
def test_thousands_do_not_overflow(better, worse, expected):
    """Against SciPy's ``binomtest(better, better + worse).pvalue``."""
    assert mcnemar(better, worse) == pytest.approx(expected, rel=1e-10)
    assert mcnemar(worse, better) == mcnemar(better, worse)


def test_the_smallest_of_them_is_no_error():
    assert mcnemar(5000, 0) == 0.0
