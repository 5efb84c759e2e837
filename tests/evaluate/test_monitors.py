"""Each figure of the monitors, worked by hand."""

from itertools import combinations
from math import comb

import pytest

from rsft.evaluate.monitors import Figures, distinct_ngrams, drift_from, measure_answers
from rsft.types import Answer
from tests.evaluate.cases import answer, figures


def measure(answers: list[Answer], *, k: int = 2, gold: str | None = None) -> Figures:
    return measure_answers(
        answers,
        too_long=3,
        k=k,
        words=2,
        gold=gold,
        resamples=200,
        confidence=0.95,
        seed=1,
    )


WRONG = {"is_correct": False, "reward": 0.0}
UNSCORABLE = {"is_correct": None, "reward": None, "measured": {}}
MIXED = [
    answer(0, None),
    *(answer(0, draw) for draw in range(2)),
    *(answer(0, draw, **WRONG) for draw in (2, 3)),
    answer(1, None, **WRONG),
    *(answer(1, draw, **WRONG) for draw in range(3)),
    answer(1, 3, **UNSCORABLE),
    answer(2, None, **UNSCORABLE),
    answer(2, 0),
    *(answer(2, draw, **UNSCORABLE) for draw in (1, 2, 3)),
]
"""Prompt 0: right, 2 of 4 draws. Prompt 1: wrong, 0 of 3. Prompt 2: unscorable, 1 of 1."""


def test_accuracy_is_the_share_of_right_greedy_answers_that_were_scored() -> None:
    found = measure(MIXED)
    assert (found.prompts, found.unscorable, found.too_long) == (3, 1, 3)
    assert (found.accuracy, found.low, found.high) == (0.5, 0.0, 1.0)


def test_pass_at_k_and_1_are_means_over_the_same_prompts() -> None:
    """Prompt 2 has one scored draw, so that pass@2 is undefined; of 0, 1 − C(2,2)/C(4,2) = 5/6."""
    found = measure(MIXED)
    assert found.pass_prompts == 2
    assert found.pass_at_1 == pytest.approx((2 / 4 + 0) / 2)
    assert found.pass_at_k == pytest.approx((5 / 6 + 0) / 2)
    assert found.pass_gap == pytest.approx(5 / 12 - 1 / 4)


def test_pass_at_k_is_not_known_where_no_prompt_has_k_scored_draws() -> None:
    found = measure(MIXED, k=5)
    assert (found.pass_at_1, found.pass_at_k, found.pass_gap) == (None, None, None)
    assert found.pass_prompts == 0


def test_token_entropy_is_minus_the_log_probability_over_the_tokens_of_sampled_answers() -> None:
    answers = [
        answer(0, None, policy_logprob=-99.0, token_count=1),
        answer(0, 0, policy_logprob=-1.0, token_count=2),
        answer(0, 1, policy_logprob=-2.0, token_count=4),
        answer(0, 2, policy_logprob=-6.0, token_count=6),
    ]
    found = measure(answers)
    assert found.token_entropy == 9 / 12
    assert found.mean_tokens == 4


def test_the_rewards_are_means_over_the_sampled_answers_that_both_can_judge() -> None:
    answers = [
        answer(0, None, reward=0.0, measured={"f1": 0.0}),
        answer(0, 0, reward=0.5, measured={"f1": 0.25}),
        answer(0, 1, reward=1.0, measured={"f1": 0.75}),
        answer(0, 2, reward=0.0, measured={}),
        answer(0, 3, reward=None, measured={"f1": 1.0}),
    ]
    found = measure(answers, gold="f1")
    assert (found.mean_reward, found.mean_gold) == (0.75, 0.5)
    found = measure(answers)
    assert (found.mean_reward, found.mean_gold) == (0.5, None)


def test_the_rewards_are_not_known_where_no_answer_was_judged_by_both() -> None:
    found = measure([answer(0, None), answer(0, 0)], gold="f1")
    assert (found.mean_reward, found.mean_gold) == (None, None)


def test_no_figure_depends_on_the_order_of_the_answers() -> None:
    answers = [
        answer(p, d, completion=f"n{p} + n{d}", policy_logprob=-1.0 if p else -1e16, reward=0.1 * p)
        for p in range(7)
        for d in (None, 0, 1, 2)
    ]
    assert measure(answers, gold="exact_match") == measure(answers[::-1], gold="exact_match")


def test_distinct_bigrams_by_hand() -> None:
    """Of ``^a ab b$`` twice, two of six are drawn: of the 15 pairs three are equal."""
    assert distinct_ngrams(["a b", "a b"], 2) == pytest.approx((2 - 3 / 15) / 2)
    assert distinct_ngrams(["a b", "c d"], 2) == pytest.approx(1)
    assert distinct_ngrams(["a", "b"], 1) == pytest.approx((2 - 1 / 6) / 2)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_distinct_is_the_mean_over_all_ways_to_draw_as_many_ngrams_as_there_are_texts(
    n: int,
) -> None:
    texts = ["a b a", "b", "", "a b"]
    grams = []
    for text in texts:
        words = ["^"] * (n - 1) + text.split() + ["$"]
        grams += [tuple(words[i : i + n]) for i in range(len(text.split()) + 1)]
    total = sum(len({grams[i] for i in ways}) for ways in combinations(range(len(grams)), 4))
    assert distinct_ngrams(texts, n) == pytest.approx(total / comb(len(grams), 4) / 4)


def test_equal_completions_have_few_distinct_ngrams_and_different_ones_many() -> None:
    collapsed = distinct_ngrams(["n0 + n1 = r0"] * 200, 2)
    assert collapsed == pytest.approx(6 / 200, rel=0.01)
    assert distinct_ngrams([f"a{i} b{i}" for i in range(200)], 2) == pytest.approx(1)


def test_empty_completions_are_the_narrowest() -> None:
    assert distinct_ngrams([""] * 50, 2) == pytest.approx(1 / 50)


def test_longer_completions_from_as_many_words_do_not_look_narrower() -> None:
    """Distinct over all would be 100/600 against 100/2,100."""
    short, long = (
        [" ".join(f"w{(7 * i + j) % 99}" for j in range(size)) for i in range(100)]
        for size in (5, 20)
    )
    assert distinct_ngrams(long, 1) == pytest.approx(distinct_ngrams(short, 1), abs=0.05)


def test_a_mark_in_a_completion_is_not_the_end_of_one() -> None:
    assert distinct_ngrams(["None", "None"], 1) == distinct_ngrams(["a", "a"], 1)


def test_drift_is_measured_from_the_base() -> None:
    base = figures()
    later = figures(
        token_entropy=0.2, distinct=0.3, mean_tokens=18.0, mean_reward=0.75, mean_gold=0.5
    )
    found = drift_from(base, later)
    assert found.entropy_ratio == pytest.approx(0.25)
    assert found.distinct_ratio == pytest.approx(0.75)
    assert found.length_ratio == pytest.approx(1.5)
    assert found.reward_gain == pytest.approx(0.3)
    assert found.gold_gain == pytest.approx(0.1)
    assert found.reward_gap == pytest.approx(0.2)


def test_what_is_not_known_has_no_drift() -> None:
    found = drift_from(figures(token_entropy=0.0, mean_gold=None), figures())
    assert (found.entropy_ratio, found.gold_gain, found.reward_gap) == (None, None, None)
