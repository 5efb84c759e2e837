"""The loss of rejection-sampling fine-tuning: −Σ A log M_θ(y|x) / Σ A.

Both sums run over the whole batch of an optimiser step. Dividing each micro-batch by its own ΣA
instead would weight rows by the company they happen to be in (transformers #34191).
"""

import torch
from torch import Tensor


def weighted_nll(logprob_RT: Tensor, mask_RT: Tensor, weight_R: Tensor) -> Tensor:
    """−Σ A log M / Σ A.

    Args:
        logprob_RT: (R rows, T tokens) log-probability of each target token in nats.
        mask_RT: (R, T) true on the completion and its stop token, false on prompt and padding.
        weight_R: (R,) A of each row, non-negative, with a positive sum.

    Returns:
        A scalar in nats per (weighted) completion.
    """
    logprob_R = torch.where(mask_RT, logprob_RT, 0.0).sum(dim=1)
    return -(weight_R * logprob_R).sum() / weight_R.sum()
