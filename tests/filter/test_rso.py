import math
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rsft.filter.rso import sample_without_replacement


def take(rewards, n, beta=0.5, seed=0, prompts=None) -> np.ndarray:
    reward_N = np.array(rewards, float)
    prompt_N = np.zeros(len(reward_N), int) if prompts is None else np.array(prompts, int)
    random = np.random.default_rng(seed)
    return sample_without_replacement(
        reward_N, prompt_N, beta, n, lambda _, rows: random.random(len(rows))
    )


def law(rewards, n, beta) -> dict[tuple[int, ...], float]:
    """The sets that the published loop takes, with their probabilities, by enumeration."""
    found: Counter[tuple[int, ...]] = Counter()

    def one_pass(left: tuple[int, ...], taken: tuple[int, ...], mass: float) -> None:
        if len(taken) == n:
            found[tuple(sorted(taken))] += mass
            return
        best = max(rewards[k] for k in left)
        scan(left, 0, (), taken, mass, best)

    def scan(left, place, hits, taken, mass, best) -> None:
        if mass < 1e-15:
            return
        if len(taken) == n:
            found[tuple(sorted(taken))] += mass
        elif place == len(left):
            one_pass(tuple(k for k in left if k not in hits), taken, mass)
        else:
            k = left[place]
            a = math.exp((rewards[k] - best) / beta)
            scan(left, place + 1, (*hits, k), (*taken, k), mass * a, best)
            scan(left, place + 1, hits, taken, mass * (1 - a), best)

    one_pass(tuple(range(len(rewards))), (), 1.0)
    return found


@pytest.mark.parametrize("n", [1, 2, 3])
def test_it_takes_sets_as_often_as_the_published_loop(n):
    """False alarm: a chi-square p-value below 1e-3 per case; the seed is fixed."""
    rewards, beta, runs = [0.0, 0.4, 0.7, 1.0], 0.5, 20_000
    prompts = np.repeat(np.arange(runs), 4)
    is_taken = take(rewards * runs, n, beta, prompts=prompts).reshape(runs, 4)
    counts = Counter(tuple(np.flatnonzero(row).tolist()) for row in is_taken)
    expected = law(rewards, n, beta)
    assert counts.keys() <= expected.keys()
    assert sum(expected.values()) == pytest.approx(1)
    observed = [counts[subset] for subset in expected]
    p = stats.chisquare(observed, [runs * mass for mass in expected.values()]).pvalue
    assert p > 1e-3


@given(
    rewards=st.lists(st.floats(-100, 100), min_size=1, max_size=12),
    n=st.integers(1, 12),
    beta=st.sampled_from([1e-6, 0.1, 1.0, 1e6]),
    seed=st.integers(0, 9),
)
def test_it_takes_exactly_n_distinct_rows_or_all(rewards, n, beta, seed):
    assert take(rewards, n, beta, seed).sum() == min(n, len(rewards))


def test_equal_completions_are_rows_of_their_own():
    """Copies of the snippet merge them through a dict, and run out."""
    assert take([1.0] * 4, 4).all()


def test_towards_beta_0_it_takes_the_best():
    rewards = [0.3, 0.9, 0.1, 0.7]
    for order in permutations(range(4)):
        is_taken = take([rewards[k] for k in order], 2, beta=1e-6)
        assert {order[k] for k in np.flatnonzero(is_taken)} == {1, 3}


def test_prompts_do_not_see_each_other():
    """One's huge reward is not the other's maximum."""
    is_taken = take([1e6, 0.0, 0.0], 1, prompts=[0, 1, 1])
    assert is_taken[0]
    assert is_taken[1:].sum() == 1


def test_no_rows_no_passes():
    assert take([], 3).tolist() == []
