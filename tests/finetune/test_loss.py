"""Two words, of which the policy gives the second three times the probability of the first."""

from math import log

import pytest
import torch

from rsft.finetune.loss import denominator, token_loss, weighted_sum

LOGITS_V = torch.tensor([0.0, log(3.0)])
FIRST, SECOND = log(4.0), log(4 / 3)
INF = torch.inf


def losses(*targets: int, **settings: object) -> torch.Tensor:
    return token_loss(LOGITS_V.repeat(len(targets), 1), torch.tensor(targets), **settings)


def test_means_are_hand_worked() -> None:
    """A completion of two tokens with A = 1, and one of a single token with A = ½."""
    loss_N = losses(1, 0, 0)
    total = float(weighted_sum(loss_N, torch.tensor([1.0, 1.0, 0.5])))
    assert total == pytest.approx(SECOND + 1.5 * FIRST)
    weight_R, tokens_R = torch.tensor([1.0, 0.5], dtype=torch.float64), torch.tensor([2, 1])
    assert denominator(weight_R, tokens_R, "sequence") == 1.5
    assert denominator(weight_R, tokens_R, "token") == 2.5


def test_weights_below_the_range_of_a_float32_have_a_sum() -> None:
    weight_R = torch.tensor([1e-80, 0.5e-80], dtype=torch.float64)
    assert denominator(weight_R, torch.tensor([1, 1]), "sequence") == pytest.approx(1.5e-80)


def test_smoothing_spreads_its_share_over_all_words() -> None:
    expected = 0.8 * SECOND + 0.2 * (FIRST + SECOND) / 2
    assert losses(1, label_smoothing=0.2).item() == pytest.approx(expected)


def test_the_divergence_is_hand_worked() -> None:
    """KL of (¼, ¾) from (½, ½)."""
    expected = SECOND + 0.1 * (0.25 * log(0.5) + 0.75 * log(1.5))
    found = losses(1, beta=0.1, reference_logits_NV=torch.zeros(1, 2))
    assert found.item() == pytest.approx(expected)
    assert losses(1, beta=9.0, reference_logits_NV=LOGITS_V[None]).item() == pytest.approx(SECOND)


@pytest.mark.parametrize("reference", [0.0, -INF])
def test_a_word_that_the_policy_rules_out_has_no_part_in_the_divergence(reference: float) -> None:
    logits = torch.tensor([[0.0, log(3.0), -INF]], requires_grad=True)
    theirs = torch.tensor([[0.0, 0.0, reference]])
    loss = token_loss(logits, torch.tensor([1]), beta=1.0, reference_logits_NV=theirs)
    loss.backward()
    shared = 0.0 if reference == -INF else log(1.5)  # what the reference keeps for the third word
    expected = SECOND + 0.25 * log(0.5) + 0.75 * log(1.5) + shared
    assert loss.item() == pytest.approx(expected)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 2] == 0


def test_a_word_that_only_the_reference_rules_out_is_infinitely_far() -> None:
    theirs = torch.tensor([[-INF, 0.0]])
    assert losses(1, beta=0.1, reference_logits_NV=theirs).item() == INF


def test_half_precision_is_summed_in_single() -> None:
    """Of 50,000 equal logits: the sum of as many exponentials is beyond what bfloat16 can count."""
    logits, target = torch.zeros(1, 50_000, dtype=torch.bfloat16), torch.tensor([7])
    for settings in ({}, {"beta": 1.0, "reference_logits_NV": logits}):
        loss = token_loss(logits, target, **settings)
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(log(50_000), abs=1e-4)
