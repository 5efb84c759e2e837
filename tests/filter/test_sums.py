"""Sums that are exact, whatever their order, against Python's own rationals."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.filter.sums import ExactMean, SampleSize

FLOATS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20)
TINY = 5e-324


def mean(*slices: list[float]) -> float | None:
    kept = ExactMean()
    for values in slices:
        kept.add(np.array(values, float))
    return kept.value


def size(*slices: list[float]) -> float:
    kept = SampleSize()
    for weights in slices:
        kept.add(np.array(weights, float))
    return kept.value


@given(values=FLOATS, cut=st.integers(0, 20))
def test_a_mean_is_the_nearest_float_to_the_true_one(values, cut):
    true = float(sum(map(Fraction, values)) / len(values))
    assert mean(values) == mean(values[:cut], values[cut:]) == mean(values[::-1]) == true


def test_what_a_float_sum_would_lose_is_kept():
    assert mean([1e308, 1e308, 1.0, -1e308, -1e308]) == 0.2
    assert mean([TINY, 2 * TINY, 3 * TINY]) == 2 * TINY


def test_values_that_are_not_known_do_not_count():
    assert mean([float("nan"), 3.0], [], [4.0]) == 3.5
    assert mean([float("nan")]) is None
    assert mean() is None


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0] * 5, 5),
        ([0.1] * 5, 5),
        ([1.0, 0.5, 0.25], 1.75**2 / 1.3125),
        ([1.0, 0.0], 1),
        ([1e-200, 1e-200, 0.0], 2),
        ([TINY, TINY], 2),
        ([], 0),
    ],
)
def test_effective_sample_size(weights, expected):
    assert size(weights) == size(weights[:1], weights[1:]) == pytest.approx(expected)


@given(weights=st.lists(st.floats(0, 1), min_size=1, max_size=20), cut=st.integers(0, 20))
def test_no_slicing_changes_an_effective_sample_size(weights, cut):
    assert size(weights) == size(weights[:cut], weights[cut:]) == size(weights[::-1])


def test_more_values_than_are_added_together(monkeypatch):
    monkeypatch.setattr("rsft.filter.sums._TOGETHER", 2)
    assert mean([1.0, 2.0, 3.0, 4.0, 5.0]) == 3.0
