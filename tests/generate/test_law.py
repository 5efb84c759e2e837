import math

import pytest
import torch

from rsft.errors import EngineError
from rsft.generate.law import SamplingLaw, draw_token, inverse_cdf, proposal_logits

LOGITS = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log()


def probabilities(**settings) -> list[float]:
    law = SamplingLaw(max_new_tokens=1, **settings)
    return proposal_logits(LOGITS, law).softmax(dim=1)[0].tolist()


def test_policy_law():
    assert probabilities() == pytest.approx([0.1, 0.4, 0.2, 0.3])


def test_temperature_half_squares():
    total = 0.01 + 0.16 + 0.04 + 0.09
    expected = [0.01 / total, 0.16 / total, 0.04 / total, 0.09 / total]
    assert probabilities(temperature=0.5) == pytest.approx(expected)


def test_top_k_renormalises():
    assert probabilities(top_k=2) == pytest.approx([0, 4 / 7, 0, 3 / 7])


def test_top_k_above_the_vocabulary_is_no_truncation():
    assert probabilities(top_k=99) == pytest.approx([0.1, 0.4, 0.2, 0.3])


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (0.30, [0, 1, 0, 0]),
        (0.69, [0, 4 / 7, 0, 3 / 7]),
        (0.71, [0, 4 / 9, 2 / 9, 3 / 9]),
        (0.95, [0.1, 0.4, 0.2, 0.3]),
        (1.0, [0.1, 0.4, 0.2, 0.3]),
    ],
)
def test_top_p_keeps_the_fewest_tokens_that_hold_it(top_p, expected):
    assert probabilities(top_p=top_p) == pytest.approx(expected)


def test_top_p_counts_after_top_k():
    """Over {0.4, 0.3} renormalised, 0.55 is held by the first alone."""
    assert probabilities(top_k=2, top_p=0.55) == pytest.approx([0, 1, 0, 0])
    assert probabilities(top_p=0.55) == pytest.approx([0, 4 / 7, 0, 3 / 7])


def test_min_p_keeps_tokens_so_likely_as_a_share_of_the_likeliest():
    assert probabilities(min_p=0.6) == pytest.approx([0, 4 / 7, 0, 3 / 7])
    assert probabilities(min_p=1.0) == pytest.approx([0, 1, 0, 0])


def test_min_p_counts_after_temperature():
    """At temperature ½ the second token is 0.5625 as likely as the first, not 0.75."""
    assert probabilities(temperature=0.5, min_p=0.6) == pytest.approx([0, 1, 0, 0])


def test_temperature_comes_before_top_p():
    """At temperature ½ the first token holds 0.53, not 0.4."""
    assert probabilities(temperature=0.5, top_p=0.5) == pytest.approx([0, 1, 0, 0])


def test_what_leaves_nothing_out_is_the_policy_s_own_law():
    assert SamplingLaw(max_new_tokens=1).is_policy
    assert SamplingLaw(max_new_tokens=1, top_p=1.0, stop=("x",)).is_policy
    for other in (
        {"temperature": 0.9}, {"top_k": 5}, {"top_p": 0.9}, {"min_p": 0.1}, {"min_new_tokens": 1}
    ):  # fmt: skip
        assert not SamplingLaw(max_new_tokens=1, **other).is_policy


def test_logits_that_are_no_numbers_are_one_line():
    with pytest.raises(EngineError, match="logits are not numbers"):
        draw_token(LOGITS * math.nan, SamplingLaw(max_new_tokens=1), torch.tensor([0.5]).double())


def test_ties_at_the_kth_place_are_kept():
    law = SamplingLaw(max_new_tokens=1, top_k=1)
    assert proposal_logits(torch.zeros(1, 3), law).softmax(dim=1)[0].tolist() == pytest.approx(
        [1 / 3] * 3
    )


def test_the_draw_is_the_inverse_cdf():
    prob_RV = torch.tensor([[0.25, 0.0, 0.5, 0.25]] * 6)
    uniform_R = torch.tensor([0.0, 0.2499, 0.25, 0.7499, 0.75, math.nextafter(1, 0)]).double()
    assert inverse_cdf(prob_RV, uniform_R).tolist() == [0, 0, 2, 2, 3, 3]


def test_impossible_tokens_are_never_drawn():
    """At both ends of the vocabulary, of a block, and at the ends of the unit interval."""
    prob_RV = torch.zeros(2, 1000)
    prob_RV[:, 300] = 1e-3
    uniform_R = torch.tensor([0.0, math.nextafter(1, 0)], dtype=torch.float64)
    assert inverse_cdf(prob_RV, uniform_R).tolist() == [300, 300]


def test_impossible_tokens_are_never_drawn_where_rounding_leaves_less_than_nothing():
    """A goal on the edge of the second block, whose first token has no mass."""
    random = torch.Generator().manual_seed(0)
    prob_RV = torch.zeros(1000, 512)
    prob_RV[:, 0] = torch.rand(1000, generator=random) * 1e-10
    prob_RV[:, 257] = torch.rand(1000, generator=random)
    edge_R, total_R = prob_RV[:, 0].double(), prob_RV.double().sum(dim=1)
    assert set(inverse_cdf(prob_RV, edge_R / total_R).tolist()) == {0, 257}


def test_blocks_do_not_change_the_draw():
    prob_V = torch.rand(1000, generator=torch.Generator().manual_seed(0)).double()
    uniform_R = torch.linspace(0, 1, 5001, dtype=torch.float64)[:-1]
    cdf_V = (prob_V / prob_V.sum()).cumsum(dim=0)
    expected = torch.searchsorted(cdf_V, uniform_R, right=True)
    drawn = inverse_cdf(prob_V.expand(5000, -1), uniform_R)
    assert (drawn != expected).sum() <= 1  # a goal on an edge may round to either side


def test_a_rare_token_at_the_end_keeps_its_share():
    """Next to 1, a running sum in float32 steps by 6e-8 and would lose a token of 1e-9."""
    prob_RV = torch.full((2, 4000), 1 / 3999)
    prob_RV[:, -1] = 1e-9
    uniform_R = torch.tensor([1 - 0.9e-9, 1 - 1.1e-9], dtype=torch.float64)
    assert inverse_cdf(prob_RV, uniform_R).tolist() == [3999, 3998]
