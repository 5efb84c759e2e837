"""Whether a challenger is shown to be no worse on a guard set."""

from math import sqrt

import numpy as np
import pytest

from rsft.evaluate.guard import Guard, _of_few_families, measure_guard


def measure(gains, families=None, **settings) -> Guard:
    families = families or [str(number) for number in range(len(gains))]
    settings = {"margin": 0.05, "level": 0.05, "resamples": 2000, "seed": 0} | settings
    return measure_guard(gains, families, **settings)


def test_that_no_loss_is_seen_on_a_few_prompts_shows_nothing():
    """Bonett and Price: of 5 prompts (1 + 1)/7 won or lost, so √(2/7/7) = 0.202; t₄ = 2.132."""
    found = measure([0.0] * 5)
    assert found.low == pytest.approx(-2.132 * sqrt(2 / 49), abs=1e-3)
    assert not found.is_held
    assert found.power < 0.05


def test_of_two_hundred_it_does():
    """√(2)/202 = 0.0070, times 1.653."""
    found = measure([0.0] * 200)
    assert found.low == pytest.approx(-1.653 * sqrt(2) / 202, abs=1e-4)
    assert found.is_held
    assert found.power > 0.999


def test_a_loss_beyond_the_margin_is_not_let_pass():
    found = measure([-1.0] * 20 + [0.0] * 180)
    assert (found.gain, found.better, found.worse) == (-0.1, 0, 20)
    assert not found.is_held


def test_a_loss_within_the_margin_is_not_let_pass_where_it_may_be_beyond():
    """2 points lost of 100 prompts, a third disputed: the error is 6 points."""
    found = measure([-1.0] * 18 + [1.0] * 16 + [0.0] * 66)
    assert found.gain == pytest.approx(-0.02)
    assert found.low < -0.05
    assert not found.is_held


def test_a_wider_margin_lets_it_pass():
    gains = [-1.0] * 18 + [1.0] * 16 + [0.0] * 66
    assert measure(gains, margin=0.2).is_held
    assert measure(gains, margin=0.2).power > measure(gains).power


def test_families_that_are_won_or_lost_whole_widen_the_error():
    gains = ([1.0] * 10 + [-1.0] * 10) * 10
    apart, whole = measure(gains), measure(gains, [str(number // 10) for number in range(200)])
    assert (apart.families, whole.families) == (200, 20)
    assert whole.low < 2 * apart.low < 0


def test_a_level_that_is_next_to_nothing_holds_nothing_that_is_close():
    found = measure([0.0] * 200, level=1e-30)
    assert -1 < found.low < -0.07, "eleven and a half standard errors of 0.7 points and more"
    assert not found.is_held


def test_one_prompt_shows_nothing_at_all():
    found = measure([1.0])
    assert (found.low, found.power) == (-1.0, 0.0)
    assert not found.is_held


def test_the_power_is_how_often_an_equal_challenger_passes():
    """Of 1,000 guard sets of 150 prompts, 12% disputed. False alarm: 0.06 off is one in 10,000."""
    random = np.random.default_rng(0)
    drawn = random.choice([1.0, 0.0, -1.0], (1000, 150), p=[0.06, 0.88, 0.06])
    found = [measure(gains.tolist(), resamples=200) for gains in drawn]
    held, power = np.mean([g.is_held for g in found]), np.mean([g.power for g in found])
    assert held == pytest.approx(power, abs=0.06)
    assert 0.4 < power < 0.8


def test_a_loss_as_large_as_the_margin_passes_at_most_at_the_level():
    """5 points lost in truth. False alarm: of 1,000 at 5%, more than 7.5% is one in 4,000."""
    random = np.random.default_rng(0)
    drawn = random.choice([1.0, 0.0, -1.0], (1000, 150), p=[0.04, 0.87, 0.09])
    held = np.mean([measure(gains.tolist(), resamples=200).is_held for gains in drawn])
    assert held < 0.075


def test_of_families_of_one_size_the_error_is_the_usual_one():
    scale, freedom = _of_few_families(np.full(8, 25))
    assert (scale, freedom) == (pytest.approx(sqrt(8 / 7)), pytest.approx(7))


def test_of_unlike_families_it_is_that_of_the_quadratic_form():
    """A = (I − w1')D(I − 1w'), written out."""
    count_F = np.array([1, 3, 4, 10, 22])
    share_F = count_F / 40
    centred = np.eye(5) - np.outer(np.ones(5), share_F)
    form = centred.T @ np.diag(share_F**2) @ centred
    scale, freedom = _of_few_families(count_F)
    assert scale == pytest.approx(sqrt((share_F**2).sum() / np.trace(form)))
    assert freedom == pytest.approx(np.trace(form) ** 2 / np.trace(form @ form))
    assert freedom < 2.5, "two of the five have four fifths of the prompts"
