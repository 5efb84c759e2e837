"""The law that tokens are drawn from, and the draw.

    proposal = renormalise(min_p(top_p(top_k(softmax(logits / temperature)))))

Ties at the k-th place are all kept, so that the law is a function of the logits alone. Drawing is
the inverse CDF: u in [0, 1) picks the first token whose cumulated probability exceeds u.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rsft.errors import EngineError

_BLOCK = 256
"""Tokens whose probabilities are summed before the running sum is taken over blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingLaw:
    """How completions are drawn."""

    max_new_tokens: int
    """Cap on a completion's tokens; what it cuts is marked ``length``."""
    min_new_tokens: int = 0
    """No stop token is drawn before so many tokens."""
    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest token."""
    top_k: int | None = None
    """Only the k likeliest tokens."""
    top_p: float | None = None
    """Only the fewest tokens that hold this probability, counted after ``top_k``."""
    min_p: float | None = None
    """Only tokens at least so likely as this share of the likeliest."""
    stop: tuple[str, ...] = ()
    """Strings that end a completion."""

    @property
    def is_policy(self) -> bool:
        """Whether tokens are drawn by the policy's own law: temperature 1, nothing left out."""
        is_truncated = self.top_k is not None or self.top_p not in (None, 1.0)
        is_truncated = is_truncated or self.min_p is not None
        return self.temperature == 1.0 and self.min_new_tokens == 0 and not is_truncated


def proposal_logits(logits_RV: Tensor, law: SamplingLaw) -> Tensor:
    """Logits of the law that tokens are drawn from.

    Args:
        logits_RV: (R rows, V tokens) the model's logits, −inf where a token must not be drawn.
        law: Temperature, above 0, and truncation.

    Returns:
        (R, V), −inf where the law has no mass; its softmax is the law.
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
    if law.min_p is not None:
        least = logits_RV.amax(dim=1, keepdim=True) + math.log(law.min_p)
        logits_RV = logits_RV.masked_fill(logits_RV < least, -torch.inf)
    return logits_RV


def draw_token(
    logits_RV: Tensor, law: SamplingLaw, uniform_R: Tensor, barred_RV: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Draws one token per row, and takes both log-probabilities of it.

    Args:
        logits_RV: (R, V) the model's logits in float32.
        law: The law.
        uniform_R: (R,) float64 in [0, 1).
        barred_RV: (R, V) true where a token must not be drawn, whatever its logit.

    Returns:
        ``token_R``; ``proposal_R``, log M of each under the law, and ``policy_R``, log π under the
        model: float64, in nats.
    """
    allowed_RV = logits_RV if barred_RV is None else logits_RV.masked_fill(barred_RV, -torch.inf)
    if law.temperature == 0:
        token_R = allowed_RV.argmax(dim=1)
        proposal_R = torch.zeros_like(uniform_R)
    else:
        proposal_RV = proposal_logits(allowed_RV, law)
        prob_RV = proposal_RV.softmax(dim=1)
        token_R = inverse_cdf(prob_RV, uniform_R)
        proposal_R = _at(prob_RV, token_R).log()
        if proposal_RV is logits_RV:
            return token_R, proposal_R, proposal_R
    policy_R = _at(logits_RV, token_R) - logits_RV.logsumexp(dim=1).double()
    return token_R, proposal_R, policy_R


def _at(value_RV: Tensor, token_R: Tensor) -> Tensor:
    return value_RV.gather(1, token_R[:, None]).squeeze(1).double()


def inverse_cdf(prob_RV: Tensor, uniform_R: Tensor) -> Tensor:
    """Draws one token per row.

    A block of tokens is drawn first, and then a token of it with what the block left of the
    uniform number. Running sums over a whole vocabulary are slow, and in float32 lose rare tokens.

    Args:
        prob_RV: (R, V) probabilities, or anything proportional to them.
        uniform_R: (R,) float64 in [0, 1).

    Returns:
        (R,) tokens, each with a positive probability.

    Raises:
        EngineError: Where the probabilities are not numbers.
    """
    rows, size = prob_RV.shape
    whole = size - size % _BLOCK  # padding to whole blocks would copy everything
    mass_RB = torch.cat(
        [
            prob_RV[:, :whole].reshape(rows, whole // _BLOCK, _BLOCK).sum(dim=2),
            prob_RV[:, whole:].sum(dim=1, keepdim=True),
        ],
        dim=1,
    )
    if not bool(mass_RB.sum(dim=1).isfinite().all()):
        raise EngineError(
            "the policy's logits are not numbers; its weights are broken, or generate.dtype or "
            "generate.temperature is too much for them"
        )
    block_R, left_R = _pick(mass_RB, uniform_R)
    token_RC = block_R[:, None] * _BLOCK + torch.arange(_BLOCK, device=prob_RV.device)
    prob_RC = prob_RV.gather(1, token_RC.clamp(max=size - 1)) * (token_RC < size)
    within_R, _ = _pick(prob_RC, left_R)
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
