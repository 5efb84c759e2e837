"""The loss of rejection-sampling fine-tuning: −Σ A log M_θ(y|x) / Σ A.

    mean over completions   Σ_i A_i Σ_t l_it / Σ_i A_i
    mean over their tokens  Σ_i A_i Σ_t l_it / Σ_i A_i |y_i|

l_it is −log M_θ(y_it|x_i, y_i<t), smoothed where that is asked for, plus beta·KL(M_θ‖π_ref) of
that token's distribution. The denominator is that of the whole optimiser step: dividing each
micro-batch or process by its own would weigh rows by the company they happen to be in (transformers
#34191). With A = 1 the second is transformers' own loss.
"""

from torch import Tensor
from torch.nn.functional import cross_entropy


def token_loss(
    logits_NV: Tensor,
    target_N: Tensor,
    *,
    label_smoothing: float = 0.0,
    beta: float | None = None,
    reference_logits_NV: Tensor | None = None,
) -> Tensor:
    """L of each token.

    Args:
        logits_NV: What the policy says of it.
        target_N: The token.
        label_smoothing: Share of the target's probability that is spread over all V tokens.
        beta: KL strength; null for none.
        reference_logits_NV: With ``beta``: what the reference policy says.

    Returns:
        (N,) in nats.
    """
    logits_NV = logits_NV.float()
    loss_N = cross_entropy(logits_NV, target_N, reduction="none", label_smoothing=label_smoothing)
    if beta is None:
        return loss_N
    assert reference_logits_NV is not None
    return loss_N + beta * _divergence(logits_NV, reference_logits_NV.float())


def _divergence(logits_NV: Tensor, reference_logits_NV: Tensor) -> Tensor:
    """KL(M_θ‖π_ref) of each token's distribution, summed over the vocabulary."""
    logprob_NV = logits_NV.log_softmax(dim=1)
    # A token that the policy rules out adds nothing, whatever the reference says of it; masked
    # before the product, whose gradient would be 0 times infinity.
    difference_NV = (logprob_NV - reference_logits_NV.log_softmax(dim=1)).masked_fill(
        logprob_NV.isneginf(), 0.0
    )
    return (logprob_NV.exp() * difference_NV).sum(dim=1)


def weighted_sum(loss_N: Tensor, weight_N: Tensor) -> Tensor:
    """Σ A l over the tokens of a micro-batch, to be divided by the step's ``denominator``."""
    return (weight_N * loss_N).sum()


def denominator(weight_R: Tensor, tokens_R: Tensor, mean: str) -> float:
    """What a step's sum is divided by.

    Args:
        weight_R: A of all rows of the step, over micro-batches and processes, float64.
        tokens_R: Completion tokens of each, the stop token included.
        mean: ``sequence`` or ``token``.
    """
    return float((weight_R * (tokens_R if mean == "token" else 1)).sum())
