"""The loss of rejection-sampling fine-tuning: −Σ A log M_θ(y|x) / Σ A.

Both sums run over the whole batch of an optimiser step. Dividing each micro-batch by its own ΣA
instead would weight rows by the company they happen to be in (transformers #34191).

Weights count in units of the batch's largest: the A of long completions may all lie below what a
float32 can hold, and 0/0 would make the whole model NaN.
"""

import torch
from torch import Tensor


def weighted_nll(logprob_RT: Tensor, mask_RT: Tensor, weight_R: Tensor) -> Tensor:
    """−Σ A log M / Σ A.

    Args:
        logprob_RT: (R rows, T tokens) log-probability of each target token in nats.
        mask_RT: (R, T) true on the completion and its stop token, false on prompt and padding.
        weight_R: (R,) A of each row in float64, non-negative, with a positive sum.

    Returns:
        A scalar in nats per (weighted) completion.
    """
    logprob_R = torch.where(mask_RT, logprob_RT, 0.0).sum(dim=1)
    relative_R = (weight_R / weight_R.max()).to(logprob_R.dtype)
    return -(relative_R * logprob_R).sum() / relative_R.sum()
