import pytest
import torch

from rsft.finetune.loss import weighted_nll


def test_hand_worked() -> None:
    logprob_RT = torch.tensor([[-1.0, -2.0, -9.0], [-4.0, -9.0, -9.0]])
    mask_RT = torch.tensor([[True, True, False], [True, False, False]])
    weight_R = torch.tensor([1.0, 0.5])
    # −(1·(−3) + 0.5·(−4)) / 1.5
    assert weighted_nll(logprob_RT, mask_RT, weight_R).item() == pytest.approx(5 / 1.5)


def test_what_is_masked_out_may_be_anything() -> None:
    logprob_RT = torch.tensor([[-1.0, -torch.inf]], requires_grad=True)
    loss = weighted_nll(logprob_RT, torch.tensor([[True, False]]), torch.ones(1))
    loss.backward()
    assert loss.item() == 1.0
    assert logprob_RT.grad is not None
    assert logprob_RT.grad.tolist() == [[-1.0, 0.0]]


def test_scaling_all_weights_changes_nothing() -> None:
    logprob_RT, mask_RT = -torch.rand(4, 3), torch.ones(4, 3, dtype=torch.bool)
    weight_R = torch.tensor([0.1, 0.9, 0.5, 0.2])
    once = weighted_nll(logprob_RT, mask_RT, weight_R)
    assert weighted_nll(logprob_RT, mask_RT, 7 * weight_R).item() == pytest.approx(once.item())


def test_weights_below_the_range_of_a_float32_are_weights() -> None:
    """1 and ½ in units of 1e-80, as soft weights of long completions are under a common bound."""
    logprob_RT, mask_RT = torch.tensor([[-3.0], [-4.0]]), torch.ones(2, 1, dtype=torch.bool)
    weight_R = torch.tensor([1e-80, 0.5e-80], dtype=torch.float64)
    assert weighted_nll(logprob_RT, mask_RT, weight_R).item() == pytest.approx(5 / 1.5)


def test_soft_weights_have_the_expectation_of_coin_flips() -> None:
    """The unnormalised gradient of soft weights is the mean over coins; the quotient is not.

    Mean of 20,000 fair-sized coin flips per row against A: with a standard error of at most
    0.0036 per row, a deviation over 0.02 has probability under 1e-7. Fixed seed.
    """
    accept_prob_R = torch.tensor([0.9, 0.5, 0.1])
    logprob_R = torch.tensor([-1.0, -2.0, -4.0])
    coins = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)) < accept_prob_R
    by_coin = (coins.float() * logprob_R).mean(dim=0)
    assert torch.allclose(by_coin, accept_prob_R * logprob_R, atol=0.02 * 4)
