import json
import math

import pytest

from rsft.ledger import schema_of
from rsft.types import PromptAcceptance
from tests.filter.cases import (
    budgeted,
    candidate,
    diagnosed,
    figures,
    known,
    per_prompt_maximum,
    pilot,
)


def with_ratios(ratios: dict[str, list[float]]) -> list:
    """Candidates whose ratio P̃/M is as given, by prompt, under the uniform base measure."""
    return [
        candidate(draw, prompt_id=prompt, proposal_logprob=-math.log(ratio))
        for prompt, of_prompt in ratios.items()
        for draw, ratio in enumerate(of_prompt)
    ]


def clipped_mass(ratios: dict[str, list[float]], c: float) -> float:
    found = figures(with_ratios(ratios), base_measure="uniform", bound=known(math.log(c)))
    return found.clipped_mass


def test_effective_sample_size_is_of_the_soft_weights_in_the_support():
    """A = 1, ½, ¼, whatever the coins say; the wrong one has no weight to count."""
    rows = [*with_ratios({"p": [4, 2, 1]}), candidate(3, reward=0.0)]
    found = figures(rows, base_measure="uniform", bound=known(math.log(4)))
    assert found.effective_sample_size == pytest.approx(1.75**2 / 1.3125)


def test_effective_sample_size_of_weights_whose_squares_are_beyond_a_float():
    """A = e⁻⁵⁰⁰ of each: they are worth as much as four of any other."""
    rows = [candidate(draw) for draw in range(4)]
    found, table = diagnosed(rows, rule="soft", base_measure="uniform", bound=known(501.0))
    assert found.accepted == 4
    assert found.effective_sample_size == pytest.approx(4)
    assert table["effective_sample_size"].tolist() == pytest.approx([4])


def test_clipped_mass_is_the_share_of_the_target_above_the_bound():
    """(6 − 2)/(6 + 1 + 1): of a prompt with ratios 6, 1, 1 under c = 2."""
    assert clipped_mass({"p": [6, 1, 1]}, c=2) == pytest.approx(0.5)


def test_clipped_mass_is_averaged_over_prompts():
    """½ and 0, though the second prompt has more candidates and more mass."""
    assert clipped_mass({"p": [6, 1, 1], "q": [2] * 9}, c=2) == pytest.approx(0.25)


def test_no_mass_is_clipped_at_the_bound():
    assert clipped_mass({"p": [2, 1]}, c=2) == 0.0


def test_ratios_beyond_the_range_of_a_float():
    """exp(800) overflows and exp(−1000) is 0; 900 nats above c, all but nothing is clipped."""
    long = [candidate(0, proposal_logprob=-800.0), candidate(1, proposal_logprob=-900.0)]
    found = figures(long, base_measure="uniform", bound=known(0.0))
    assert found.clipped_mass == 1.0
    assert figures(long, bound=known(1000.0)).clipped_mass == 0.0


def test_a_prompt_whose_ratios_all_lie_far_below_a_common_bound():
    rows = [candidate(0, proposal_logprob=-5.0), candidate(0, prompt_id="q", proposal_logprob=-1e3)]
    found = figures(rows, base_measure="uniform", bound=budgeted(0.3))
    assert found.clipped_mass == 0.0


def test_violations_are_counted_among_the_supported():
    rows = [*with_ratios({"p": [4, 3, 2, 1]}), candidate(4, reward=0.0)]
    found = figures(rows, base_measure="uniform", bound=known(math.log(2)))
    assert (found.supported, found.bound_violation_rate) == (4, 0.5)


def test_an_exact_bound_of_a_tilt_is_not_violated():
    rows = [candidate(draw, proposal_logprob=-0.7 * draw) for draw in range(100)]
    assert figures(rows, target="tilt", beta=0.3, bound=known(1 / 0.3)).bound_violation_rate == 0.0


def test_coin_share_is_of_those_whose_coin_matters():
    """A = 1, 1, ½ and, underflown, 0."""
    rows = [*with_ratios({"p": [4, 2, 1]}), candidate(3, reward=0.0)]
    found = figures(rows, base_measure="uniform", bound=known(math.log(2)))
    assert found.coin_share == pytest.approx(1 / 3)
    hopeless = figures(rows, base_measure="uniform", bound=known(1000.0))
    assert hopeless.coin_share == 0.0


def test_reasons_add_up_and_are_sorted_by_frequency():
    rows = [
        *(candidate(draw, text="x") for draw in range(4)),
        *(candidate(draw, reward=0.0) for draw in range(4, 9)),
        candidate(9, reward=None),
        candidate(10, finish_reason="length"),
        candidate(11),
        candidate(12),
    ]
    found = figures(rows, deduplicate=True, max_per_prompt=2)
    assert found.reasons == {
        "wrong": 5,
        "duplicate": 3,
        "accepted": 2,
        "unscorable": 1,
        "truncated": 1,
        "capped": 1,
    }
    assert list(found.reasons)[:3] == ["wrong", "duplicate", "accepted"]
    assert sum(found.reasons.values()) == found.candidates == 13


def test_the_rate_by_rule_counts_what_de_duplication_and_cap_took_away():
    rows = [*(candidate(draw, text="x") for draw in range(4)), candidate(4), candidate(5)]
    found = figures([*rows, candidate(6, reward=0.0)], deduplicate=True, max_per_prompt=2)
    assert found.reasons == {"accepted": 2, "duplicate": 3, "capped": 1, "wrong": 1}
    assert found.acceptance_rate == pytest.approx(2 / 7)
    assert found.acceptance_rate_by_rule == pytest.approx(6 / 7)


def test_figures_over_prompts():
    """Bounds 4, 2 and, of the prompt without a right completion, the floor 1: once a prompt."""
    rows = [*with_ratios({"p": [4] * 5, "q": [2]}), candidate(prompt_id="r", reward=0.0)]
    bound = per_prompt_maximum(0.0)
    found = figures(rows, base_measure="uniform", bound=bound)
    assert (found.prompts, found.prompts_without_accepted) == (3, 1)
    assert found.log_bound_median == pytest.approx(math.log(2))
    assert (found.target, found.base_measure) == ("indicator", "uniform")
    assert (found.rule, found.bound) == ("coin", "per_prompt_maximum")


def test_tokens_are_averaged_over_all_and_over_the_accepted():
    rows = [candidate(0, token_count=2), candidate(1, token_count=10, reward=0.0)]
    found = figures(rows)
    assert (found.mean_tokens, found.mean_tokens_accepted) == (6.0, 2.0)


def test_of_no_accepted_candidate_there_is_no_mean():
    found = figures([candidate(reward=0.0)])
    assert (found.accepted, found.acceptance_rate, found.supported) == (0, 0.0, 0)
    assert found.mean_tokens_accepted is None
    assert (found.effective_sample_size, found.clipped_mass, found.coin_share) == (0, 0, 0)


def test_they_can_be_written_as_json():
    found = figures([candidate()])
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False)) == found.as_dict()


def test_the_kl_of_what_is_kept_to_the_proposal():
    """A = 1, ½, ½, 0 of four: ΣA = 2, so KL = 2·½·ln ½ / 2 − ln(2/4) = ½ ln 2."""
    rows = [*with_ratios({"p": [4, 2, 2]}), candidate(3, reward=0.0)]
    found = figures(rows, base_measure="uniform", bound=known(math.log(4)))
    assert found.kl_to_proposal == pytest.approx(math.log(2) / 2)
    assert found.kl_estimator == "plug-in, Σ A log A / ΣA − log(ΣA/K)"


@pytest.mark.parametrize(
    ("threshold", "size", "kl"),
    [
        (0.1, 1.75**2 / 1.3125, None),  # A = 1, ½, ¼
        (0.5, 1.5**2 / 1.25, math.log(4 / 1.5) - math.log(2) / 3),  # 1, ½
        (1.0, 1.0, math.log(4)),  # the largest of four alone
    ],
)
def test_a_threshold_keeps_nothing_of_what_lies_below_it(threshold, size, kl):
    rows = [*with_ratios({"p": [4, 2, 1]}), candidate(3, reward=0.0)]
    values = {"rule": "threshold", "base_measure": "uniform", "bound": known(math.log(4))}
    found, table = diagnosed(rows, threshold=threshold, **values)
    assert found.effective_sample_size == pytest.approx(size)
    assert table["effective_sample_size"].tolist() == pytest.approx([size])
    assert kl is None or found.kl_to_proposal == pytest.approx(kl)


def test_accepting_all_is_the_proposal_itself():
    assert figures([candidate(draw) for draw in range(8)]).kl_to_proposal == 0.0


def test_best_of_n_has_a_kl_of_its_own():
    rows = [candidate(draw, reward=draw / 8) for draw in range(8)]
    found = figures(rows, rule="best_of_n", target="tilt", beta=1.0)
    assert found.kl_to_proposal == pytest.approx(math.log(8) - 7 / 8)
    assert found.kl_estimator == "upper bound, log n − (s − 1)/s, s of n being in the support"


@pytest.mark.parametrize("right", [1, 2, 5, 8])
def test_the_kl_of_best_of_n_is_not_below_that_of_its_support(right):
    """Equal rewards: it is a draw from the right ones, as the coin's, whose KL is log n/s."""
    rows = [candidate(draw, reward=float(draw < right)) for draw in range(8)]
    best, coin = figures(rows, rule="best_of_n"), figures(rows)
    assert coin.kl_to_proposal == pytest.approx(math.log(8 / right))
    assert best.kl_to_proposal == pytest.approx(math.log(8) - (right - 1) / right)
    assert best.kl_to_proposal >= coin.kl_to_proposal - 1e-12


def test_the_kl_is_estimated_over_what_was_scored():
    """An unscorable candidate may have had any A; one of two others is kept."""
    rows = [candidate(0), candidate(1, reward=0.0), candidate(2, reward=None)]
    assert figures(rows).kl_to_proposal == pytest.approx(math.log(2))


def test_the_kl_has_no_part_of_what_has_no_density():
    """Its A is not known, and not 0: of the two others both are kept, as they were drawn."""
    unknown = {"reward_breakdown": {"exact_match": 1.0}}
    rows = [candidate(0), candidate(1), candidate(2, **unknown), candidate(3, **unknown)]
    found = figures(rows, target="density", base_measure="density")
    assert (found.reasons["unscorable"], found.kl_to_proposal) == (2, 0.0)


def test_what_a_pilot_spent_is_in_no_figure_of_the_rule():
    """The pilot has A = 1 and ½, what is left A = 1, ½, 0, as if it had been drawn alone."""
    rows = with_ratios({"p": [4, 2, 4, 2, 1]})
    rows[4] = candidate(4, reward=0.0)
    values = {"rule": "soft", "base_measure": "uniform"}
    found, table = diagnosed(rows, bound=pilot(2, 0.0), **values)
    alone, _ = diagnosed(rows[2:], bound=known(math.log(4)), **values)
    assert found.effective_sample_size == pytest.approx(1.5**2 / 1.25)
    assert table["effective_sample_size"].tolist() == pytest.approx([1.5**2 / 1.25])
    assert found.kl_to_proposal == pytest.approx(alone.kl_to_proposal)
    assert found.coin_share == 0.5


def test_unscorable_candidates_are_in_no_mean():
    rows = [candidate(0, reward=0.5), candidate(1, reward=1.0), candidate(2, reward=None)]
    found = figures(rows, correct_reward=0.5)
    assert (found.mean_reward, found.mean_reward_accepted) == (0.75, 0.75)
    assert found.reasons["unscorable"] == 1


def test_rules_that_rank_have_no_figures_of_a_bound():
    rows = [candidate(draw, reward=float(draw)) for draw in range(4)]
    found = figures(rows, rule="top_n", n=2, target="tilt", beta=1.0)
    assert (found.bound, found.log_bound_median) == (None, None)
    assert (found.bound_violation_rate, found.clipped_mass, found.coin_share) == (None, None, None)
    assert (found.effective_sample_size, found.acceptance_rate) == (2.0, 0.5)


def test_respelt_completions_are_counted_in_the_support():
    rows = [candidate(0, is_canonical=False), candidate(1), candidate(2, is_canonical=None)]
    assert figures([*rows, candidate(3, is_canonical=False, reward=0.0)]).non_canonical == 1


def test_figures_of_each_prompt():
    rows = [
        *with_ratios({"p": [4, 2, 8]}),
        candidate(3, reward=0.0, token_count=6),
        candidate(0, prompt_id="q", reward=None, token_count=None),
    ]
    _, table = diagnosed(rows, base_measure="uniform", bound=known(math.log(4)))
    assert set(table.columns) == set(schema_of(PromptAcceptance).names)
    p, q = table.to_dict("records")
    assert (p["prompt_id"], p["candidates"], p["supported"], p["unscorable"]) == ("p", 4, 3, 0)
    assert p["bound_violation_rate"] == pytest.approx(1 / 3)
    assert p["clipped_mass"] == pytest.approx(4 / 14)
    assert p["effective_sample_size"] == pytest.approx(2.5**2 / 2.25)
    assert (p["mean_reward"], p["mean_tokens"]) == (0.75, (3 * 3 + 6) / 4)
    assert (q["candidates"], q["supported"], q["unscorable"], q["accepted"]) == (1, 0, 1, 0)
    unknown = ("bound_violation_rate", "clipped_mass", "kl_to_proposal", "mean_reward")
    assert all(math.isnan(q[name]) for name in (*unknown, "mean_tokens", "mean_reward_accepted"))
    assert (q["effective_sample_size"], q["acceptance_rate"]) == (0.0, 0.0)


def test_chosen_counts_what_copies_and_cap_took_away():
    rows = [*(candidate(draw, text="x") for draw in range(3)), candidate(3), candidate(4)]
    _, table = diagnosed(rows, deduplicate=True, max_per_prompt=2)
    assert table[["chosen", "accepted"]].to_numpy().tolist() == [[5, 2]]


@pytest.mark.parametrize("rule", ["coin", "soft", "threshold", "top_n", "top_fraction", "rso"])
@pytest.mark.parametrize(
    "values",
    [
        {"base_measure": "reference"},
        {"bound": budgeted(0.2)},
        {"bound": pilot(1, 0.0), "target": "tilt"},
        {"deduplicate": True, "near_duplicates": 0.8, "distinct_paths": True},
        {"max_per_prompt": 2, "quota": "difficulty"},
    ],
)
def test_no_rule_minds_that_there_is_nothing_to_decide(rule, values):
    """As in a round that is not run: nothing is 0 of 0."""
    found, by_prompt = diagnosed([], rule=rule, beta=1, threshold=0.5, n=2, fraction=0.5, **values)
    assert (found.candidates, found.accepted, found.effective_sample_size) == (0, 0, 0)
    assert found.acceptance_rate is found.acceptance_rate_by_rule is None
    assert found.reasons == {}
    assert len(by_prompt) == 0
