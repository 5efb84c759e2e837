"""Whether a gain is shown: by hand, and how often it is by chance."""

import numpy as np
import pytest

from rsft.evaluate import Interval, mcnemar
from rsft.evaluate.gain import Gain, measure_gain
from rsft.evaluate.signs import sign_test
from rsft.evaluate.spending import level_of_look


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        ([], 1.0),
        ([0, 0], 1.0),
        ([1], 1 / 2),
        ([1, 1, 1, 1], 1 / 16),  # 4 won, none lost
        ([-1, 0], 1.0),
        ([3, -1], 1 / 2),  # ±3 ± 1 ≥ 2: two of four
        ([2, 1, -1], 3 / 8),  # ±2 ± 1 ± 1 ≥ 2: + + +, + + −, + − +
        ([2, 2, 2, -1], 2 / 16),  # ≥ 5: three pluses of the twos, whatever the one
    ],
)
def test_signs_hand_worked(net, expected):
    assert sign_test(net) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("better", "worse"), [(9, 3), (6, 1), (30, 12), (700, 600)])
def test_of_families_of_one_prompt_it_is_mcnemars_test(better, worse):
    """Whose two-sided p is twice the one-sided."""
    p_value = sign_test([1] * better + [-1] * worse)
    assert 2 * p_value == pytest.approx(mcnemar(better, worse), rel=1e-9)


def test_signs_alarm_at_most_at_the_level():
    """Over all 2^9 signs of families of unlike sizes, which is the law where neither is better."""
    sizes = np.array([1, 1, 2, 3, 3, 5, 8, 9, 20])
    signs_SF = 1 - 2 * ((np.arange(512)[:, None] >> np.arange(9)) & 1)
    p_S = np.array([sign_test((sizes * signs_F).tolist()) for signs_F in signs_SF])
    for level in (0.5, 0.1, 0.025, 0.01):
        assert (p_S <= level).mean() <= level
    assert p_S.min() == pytest.approx(1 / 512)


def test_thousands_of_families_are_no_trouble():
    p_value = sign_test([1] * 5200 + [-1] * 5000 + [2] * 100 + [-2] * 100)
    assert 2 * p_value == pytest.approx(0.06, abs=0.02)


def test_all_looks_together_spend_alpha_and_the_first_one_half():
    levels = [level_of_look(0.05, look) for look in range(1, 10_001)]
    assert levels[:4] == pytest.approx([0.025, 0.05 / 6, 0.05 / 12, 0.0025])
    assert sum(levels) == pytest.approx(0.05, rel=1e-3)
    assert sum(levels) < 0.05


def measure(gains, families=None, **settings) -> Gain:
    families = families or [str(number) for number in range(len(gains))]
    settings = {"level": 0.025, "resamples": 2000, "seed": 0} | settings
    return measure_gain(gains, families, **settings)


def test_four_won_and_none_lost_show_nothing():
    """The interval of 400 prompts, 4 of them won, lies above 0: its resamples rarely have none."""
    found = measure([1.0] * 4 + [0.0] * 396)
    assert (found.better, found.worse, found.p_prompts) == (4, 0, pytest.approx(1 / 16))
    assert not found.is_shown(0.0)


def test_six_won_and_none_lost_do():
    found = measure([1.0] * 6 + [0.0] * 394)
    assert (found.p_prompts, found.p_families) == (pytest.approx(1 / 64), pytest.approx(1 / 64))
    assert found.gain.low > 0
    assert found.is_shown(0.0)
    assert found.is_shown(0.015)
    assert not found.is_shown(0.0151), "a gain of 1.5 points is less than the least that matters"


@pytest.mark.parametrize(("families", "is_shown"), [(1, False), (5, False), (6, True)])
def test_a_handful_of_families_that_all_agree_shows_nothing(families, is_shown):
    """Each of 50 prompts, all won: 2⁻⁵ is more than 0.025, and 2⁻⁶ less."""
    names = [str(number % families) for number in range(50 * families)]
    found = measure([0.0 if number % 7 else 1.0 for number in range(50 * families)], names)
    if families > 1:
        assert found.is_shown(0.0) == is_shown
        assert found.p_families == pytest.approx(0.5**families)
        assert found.p_prompts < 0.001, "prompts taken to be independent say otherwise"


def test_prompts_of_a_family_that_agree_are_one_observation():
    """40 prompts won and 20 lost, by families of 20 that are won or lost whole."""
    gains = [1.0] * 40 + [-1.0] * 20
    found = measure(gains, [str(number // 20) for number in range(60)])
    assert found.p_prompts < 0.01
    assert found.p_families == pytest.approx(1 / 2)
    assert not found.is_shown(0.0)


def test_families_that_agree_by_little_are_not_enough():
    """Each of 6 families has 6 won and 4 lost: 2⁻⁶ by family, but 36 of 60 coins are 0.078."""
    gains = ([1.0] * 6 + [-1.0] * 4) * 6
    found = measure(gains, [str(number // 10) for number in range(60)])
    assert found.p_families == pytest.approx(1 / 64)
    assert found.p_prompts == pytest.approx(0.0775, abs=1e-3)
    assert found.gain.low > 0
    assert not found.is_shown(0.0)


def test_a_family_that_is_lost_whole_may_be_more_than_one():
    """14 families won by a prompt, one lost by 3: p = 0.0144 by family, and 0.0064 by prompt.

    Drawn 4 times of 15 or more, it makes a loss of the gain: 1.7% of the resamples, where the
    level for 15 families is 1.3%. Of 50,000, 0.2 points are three standard errors.
    """
    gains = [1.0] * 14 + [-1.0] * 3
    families = [*(str(number) for number in range(14)), *("lost",) * 3]
    found = measure(gains, families, resamples=50_000)
    assert found.p_families == pytest.approx(0.0144, abs=1e-4)
    assert found.p_prompts == pytest.approx(0.0064, abs=1e-4)
    assert found.gain.low <= 0
    assert not found.is_shown(0.0)


def test_a_later_look_needs_more():
    """14 won and 3 lost: one-sided p = 0.0064, below the levels 0.025 and 0.0083, above 0.0042."""
    gains = [1.0] * 14 + [-1.0] * 3 + [0.0] * 183
    shown = [measure(gains, level=level_of_look(0.05, look)).is_shown(0.0) for look in (1, 2, 3)]
    assert shown == [True, True, False]


def test_the_interval_widens_with_fewer_families_and_a_smaller_level():
    gains = np.random.default_rng(0).choice([1.0, 0.0, -1.0], 400, p=[0.2, 0.7, 0.1]).tolist()
    by_64, by_8 = (measure(gains, [str(n % f) for n in range(400)]) for f in (64, 8))
    late = measure(gains, [str(n % 64) for n in range(400)], level=1e-5)
    assert by_64.gain.estimate == by_8.gain.estimate
    assert late.gain.low < by_64.gain.low < by_64.gain.estimate
    assert by_64.detectable < late.detectable


def test_of_a_normal_mean_the_interval_is_the_usual_one_and_tells_what_it_could_show():
    """Mean ± 1.96 standard errors to 10%; 2.80 of them are shown four times in five."""
    gains = np.random.default_rng(1).choice([1.0, 0.0, -1.0], 1000, p=[0.2, 0.7, 0.1])
    found = measure(gains.tolist())
    error = gains.std() / 1000**0.5
    assert found.gain.low == pytest.approx(gains.mean() - 1.96 * error, abs=0.2 * error)
    assert found.gain.high == pytest.approx(gains.mean() + 1.96 * error, abs=0.2 * error)
    assert found.detectable == pytest.approx(2.80 * error, rel=0.06)


def test_nothing_won_or_lost_shows_nothing():
    found = measure([0.0] * 50)
    assert found.gain == Interval(estimate=0, low=0, high=0)
    assert (found.p_prompts, found.p_families) == (1, 1)
    assert not found.is_shown(0.0)


@pytest.mark.parametrize(
    ("gains", "families"),
    [
        ([0.0] * 50, 50),
        ([1.0] * 5, 5),
        ([1.0, 0.0, 0.0, 1.0, 1.0] * 20, 5),  # they differ, but 2⁻⁵ is more than 0.025
    ],
)
def test_what_could_show_nothing_tells_no_gain_that_would_be_shown(gains, families):
    found = measure(gains, [str(number % families) for number in range(len(gains))])
    assert found.detectable is None


def test_no_gain_below_the_least_that_matters_would_be_shown():
    gains = [1.0, -1.0, 0.0, 0.0, 1.0] * 10
    assert 0 < measure(gains).detectable < 0.9
    assert measure(gains, least=0.9).detectable == 0.9


def test_a_level_that_is_next_to_nothing_shows_nothing_and_stays_finite():
    gains = np.random.default_rng(0).choice([1.0, 0.0, -1.0], 400, p=[0.3, 0.6, 0.1]).tolist()
    found = measure(gains, level=1e-30)
    assert not found.is_shown(0.0)
    assert found.detectable is not None
    assert found.detectable < 1


def test_of_one_family_its_prompts_are_resampled_and_that_is_told():
    found = measure([1.0] * 9 + [0.0] * 91, ["f"] * 100)
    assert found.families == 1
    assert found.p_families == found.p_prompts == pytest.approx(2**-9)


def test_the_gain_of_nobody_is_undefined():
    with pytest.raises(ValueError, match="no prompts"):
        measure([])
