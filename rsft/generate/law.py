"""The law that tokens are drawn from, and the draw.

    proposal = renormalise(top_p(top_k(softmax(logits / temperature))))

Ties at the k-th place are all kept, so that the law is a function of the logits alone. Drawing is
the inverse CDF: u in [0, 1) picks the first token whose cumulated probability exceeds u.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_BLOCK = 256
"""Tokens whose probabilities are summed before the running sum is taken over blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingLaw:
    """How completions are drawn."""

    max_new_tokens: int
    """Cap on a completion's tokens; what it cuts is marked ``length``."""
    temperature: float = 1.0
    """Divides the logits; positive."""
    top_k: int | None = None
    """Only the k likeliest tokens."""
    top_p: float | None = None
    """Only the fewest tokens that hold this probability, counted after ``top_k``."""

    @property
    def is_policy(self) -> bool:
        """Whether it is the policy's own law: temperature 1, nothing truncated."""
        return self.temperature == 1.0 and self.top_k is None and self.top_p is None


def truncated_log_softmax(logits_RV: Tensor, law: SamplingLaw) -> Tensor:
    """Log-probability of each token under the law.

    Args:
        logits_RV: (R rows, V tokens) the model's logits.
        law: Temperature and truncation.

    Returns:
        (R, V) in nats, −inf where the law has no mass.
    """
    if law.temperature != 1.0:
        logits_RV = logits_RV / law.temperature
    if law.top_k is not None and law.top_k < logits_RV.shape[1]:
        least = logits_RV.topk(law.top_k, dim=1).values[:, -1:]
        logits_RV = logits_RV.masked_fill(logits_RV < least, -torch.inf)
    if law.top_p is not None and law.top_p < 1.0:
        prob_RV, token_RV = logits_RV.softmax(dim=1).sort(dim=1, descending=True, stable=True)
        before_RV = prob_RV.cumsum(dim=1) - prob_RV
        is_out = torch.zeros_like(logits_RV, dtype=torch.bool)
        is_out.scatter_(1, token_RV, before_RV >= law.top_p)
        logits_RV = logits_RV.masked_fill(is_out, -torch.inf)
    return logits_RV.log_softmax(dim=1)


def inverse_cdf(prob_RV: Tensor, uniform_R: Tensor) -> Tensor:
    """Draws one token per row.

    A block of tokens is drawn first, and then a token of it with what the block left of the
    uniform number. Running sums over a whole vocabulary are slow, and in float32 lose rare tokens.

    Args:
        prob_RV: (R, V) probabilities, or anything proportional to them.
        uniform_R: (R,) float64 in [0, 1).

    Returns:
        (R,) tokens, each with a positive probability.
    """
    rows, size = prob_RV.shape
    prob_RBC = torch.nn.functional.pad(prob_RV, (0, -size % _BLOCK)).view(rows, -1, _BLOCK)
    block_R, left_R = _pick(prob_RBC.sum(dim=2), uniform_R)
    within_R, _ = _pick(prob_RBC[torch.arange(rows, device=prob_RV.device), block_R], left_R)
    return block_R * _BLOCK + within_R


def _pick(mass_RN: Tensor, uniform_R: Tensor) -> tuple[Tensor, Tensor]:
    """The column whose share of the mass holds the uniform number, and how far into that share."""
    cdf_RN = mass_RN.double().cumsum(dim=1)
    total_R = cdf_RN[:, -1]
    below_R = torch.nextafter(total_R, torch.zeros_like(total_R))
    goal_R = torch.minimum(uniform_R * total_R, below_R)  # rounding must not pass the last mass
    column_R = torch.searchsorted(cdf_RN, goal_R[:, None], right=True)
    above_R = cdf_RN.gather(1, column_R).squeeze(1)
    mass_R = mass_RN.gather(1, column_R).squeeze(1)
    return column_R.squeeze(1), (1 - (above_R - goal_R) / mass_R).clamp(min=0)
