from collections.abc import Sequence

import numpy as np
import pytest

from rsft.evaluate import Interval, beats, bootstrap_interval


def interval(values: Sequence[float], families: Sequence[str], **settings) -> Interval:
    settings = {"resamples": 2000, "confidence": 0.95, "seed": 0} | settings
    return bootstrap_interval(values, families, **settings)


def each_its_own(values: Sequence[float]) -> list[str]:
    return [f"{number:04}" for number in range(len(values))]


def width(found: Interval) -> float:
    return found.high - found.low


@pytest.mark.parametrize(("confidence", "ends"), [(0.95, (0, 1)), (0.6, (0, 1)), (0.4, (0.5, 0.5))])
def test_two_families_hand_worked(confidence, ends):
    """The resamples' mean is 0, ½ or 1 with probabilities ¼, ½ and ¼."""
    found = interval([0, 1], ["a", "b"], confidence=confidence)
    assert (found.estimate, found.low, found.high) == (0.5, *ends)


def test_families_weigh_by_their_size():
    """Of families 1, 1, 1 and 0 the mean is ¾ in the estimate and in half of the resamples."""
    found = interval([1, 1, 0, 1], ["a", "a", "b", "a"], confidence=0.4)
    assert found == Interval(estimate=0.75, low=0.75, high=0.75)


def test_of_independent_prompts_it_is_the_normal_interval():
    """Mean ± 1.96 standard errors, to 10% of the width."""
    values = np.random.default_rng(0).random(400)
    found = interval(values.tolist(), each_its_own(values))
    error = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - error, abs=0.2 * error)
    assert found.high == pytest.approx(values.mean() + error, abs=0.2 * error)


def test_families_whose_prompts_are_alike_widen_it():
    """10 equal prompts a family count as one: √10 times the width."""
    values = np.repeat(np.random.default_rng(0).random(40), 10).tolist()
    families = np.repeat(np.arange(40), 10).astype(str).tolist()
    by_family, by_prompt = interval(values, families), interval(values, each_its_own(values))
    assert by_family.estimate == pytest.approx(by_prompt.estimate)
    assert width(by_family) / width(by_prompt) == pytest.approx(10**0.5, rel=0.15)


def simulated_coverage(by_prompt: bool, data_sets: int = 500) -> float:
    """How often the 95% interval holds ½: 40 families, each right with its own probability.

    The probabilities are uniform, so that prompts of a family resemble each other.
    """
    random = np.random.default_rng(0)
    covered = 0
    for seed in range(data_sets):
        is_right_FP = random.random((40, 10)) < random.random((40, 1))
        values = is_right_FP.astype(float).ravel().tolist()
        families = each_its_own(values) if by_prompt else [str(i // 10) for i in range(400)]
        found = interval(values, families, resamples=400, seed=seed)
        covered += found.low <= 0.5 <= found.high
    return covered / data_sets


def test_coverage():
    """0.96 at this seed, and 0.69 where prompts are resampled, in 500 data sets.

    In 4,000 it is 0.94 and 0.66. False alarm: from 0.94, below 0.90 or above 0.98 is less than one
    in 1,000; so is above 0.75 from 0.66.
    """
    assert 0.90 < simulated_coverage(by_prompt=False) < 0.98
    assert simulated_coverage(by_prompt=True) < 0.75


def test_pairing_narrows_the_difference():
    """Both policies find the same prompts hard; what is left is one prompt in ten."""
    random = np.random.default_rng(0)
    theirs = (random.random(400) < 0.5).astype(float)
    ours = np.where(random.random(400) < 0.1, 1.0, theirs)
    paired = interval((ours - theirs).tolist(), each_its_own(ours))
    alone = interval(ours.tolist(), each_its_own(ours))
    assert beats(paired)
    assert width(paired) < width(alone) / 2


def test_of_a_single_family_prompts_are_resampled():
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    assert interval(values, ["a"] * 5) == interval(values, each_its_own(values))
    assert width(interval(values, ["a"] * 5)) > 0


def test_equal_values_leave_no_doubt():
    assert interval([1, 1, 1], ["a", "b", "c"]) == Interval(estimate=1, low=1, high=1)


def test_the_order_of_prompts_does_not_matter():
    random = np.random.default_rng(0)
    values, families = random.random(100), random.integers(20, size=100).astype(str)
    order = random.permutation(100)
    found = interval(values[order].tolist(), families[order].tolist())
    expected = interval(values.tolist(), families.tolist())
    assert found.estimate == pytest.approx(expected.estimate)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_lower_level_gives_an_interval_within():
    values = np.random.default_rng(0).random(50).tolist()
    wide, narrow = (interval(values, each_its_own(values), confidence=c) for c in (0.95, 0.5))
    assert wide.low < narrow.low < narrow.estimate < narrow.high < wide.high


def test_the_seed_decides_the_resamples():
    values = np.random.default_rng(0).random(50).tolist()
    first, again, other = (interval(values, each_its_own(values), seed=s) for s in (0, 0, 1))
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)
    assert first.estimate == other.estimate


def test_a_quarter_of_the_resamples_of_two_families_hold_but_the_first():
    """So the quantile at 0.22 is that family's mean, 0, and the one at 0.28 is not.

    False alarm: a share of 2,000 that lies 0.03 off is one in 500; the seed is fixed.
    """
    lows = [interval([0, 1], ["a", "b"], confidence=1 - 2 * tail).low for tail in (0.22, 0.28)]
    assert lows == [0, 0.5]


def test_the_mean_of_nothing_is_undefined():
    with pytest.raises(ValueError, match="no prompts"):
        interval([], [])


@pytest.mark.parametrize(("low", "is_shown"), [(1e-9, True), (0.0, False), (-1e-9, False)])
def test_beating_takes_a_lower_end_above_0(low, is_shown):
    assert beats(Interval(estimate=0.1, low=low, high=0.2)) == is_shown
