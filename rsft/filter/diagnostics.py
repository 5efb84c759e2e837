"""How a round's decisions came out: what to look at before believing its acceptance.

The effective sample size is that of the soft weights A over the candidates in the target's support,
(ΣA)²/ΣA² (Kish 1965): with a coin it says what the coin's choice can be worth. The clipped mass is
the share of the target's mass above the envelope, Σ max(0, w − c) / Σ w per prompt with w = P̃/M,
averaged over prompts: what acceptance cannot represent because c is too small.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rsft.config import FilterSection
from rsft.types import Decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """Figures of one round's decisions; shares are fractions of 1."""

    prompts: int
    """Prompts with candidates."""
    candidates: int
    """Candidates."""
    supported: int
    """Candidates in the target's support: finished, and right where the target asks for it."""
    accepted: int
    """Candidates accepted in the end."""
    acceptance_rate: float
    """Accepted in the end over candidates."""
    acceptance_rate_by_rule: float
    """Accepted by the rule alone, before de-duplication and cap, over candidates."""
    target: str
    """The target."""
    bound: str
    """How the bound was found."""
    log_bound_median: float
    """Median over prompts of log c, in nats."""
    bound_violation_rate: float
    """Share of supported candidates whose ratio lies above the bound."""
    clipped_mass: float
    """Share of the target's mass above the envelope."""
    effective_sample_size: float
    """(ΣA)²/ΣA² over supported candidates."""
    coin_share: float
    """Share of supported candidates with 0 < A < 1."""
    prompts_without_accepted: int
    """Prompts of which nothing was accepted."""
    mean_tokens: float | None
    """Mean tokens of all candidates; null where no server told them."""
    mean_tokens_accepted: float | None
    """Mean tokens of the accepted ones; null if there are none."""
    reasons: dict[str, int]
    """Candidates by reason, most frequent first."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def diagnose(decided: Sequence[Decided], section: FilterSection) -> Diagnostics:
    """The figures of a round.

    Args:
        decided: All candidates of the round, at least one.
        section: What they were decided by.
    """
    supported = [row for row in decided if row.log_accept_ratio is not None]
    accepted = [row for row in decided if row.is_accepted]
    reasons = Counter(row.reason for row in decided)
    by_rule = reasons["accepted"] + reasons["duplicate"] + reasons["capped"]
    accept_prob = np.array([row.accept_prob for row in supported], float)
    log_excess = np.array([row.log_accept_ratio for row in supported], float)
    bounds = {row.prompt_id: row.log_bound for row in decided}
    prompts = len(bounds)
    return Diagnostics(
        prompts=prompts,
        candidates=len(decided),
        supported=len(supported),
        accepted=len(accepted),
        acceptance_rate=len(accepted) / len(decided),
        acceptance_rate_by_rule=by_rule / len(decided),
        target=section.target,
        bound=section.bound.method,
        log_bound_median=float(np.median(list(bounds.values()))),
        bound_violation_rate=_mean(log_excess > 0),
        clipped_mass=_clipped_mass(supported, log_excess),
        effective_sample_size=effective_sample_size(accept_prob),
        coin_share=_mean((accept_prob > 0) & (accept_prob < 1)),
        prompts_without_accepted=prompts - len({row.prompt_id for row in accepted}),
        mean_tokens=_mean_tokens(decided),
        mean_tokens_accepted=_mean_tokens(accepted),
        reasons=dict(reasons.most_common()),
    )


def effective_sample_size(weight_N: np.ndarray) -> float:
    """(Σw)²/Σw²: how many equal weights are worth as much; 0 for none."""
    squares = float((weight_N**2).sum())
    return float(weight_N.sum()) ** 2 / squares if squares else 0.0


def _clipped_mass(supported: Sequence[Decided], log_excess_N: np.ndarray) -> float:
    """Mean over prompts of Σ max(0, w − c) / Σ w."""
    by_prompt: dict[str, list[float]] = defaultdict(list)
    for row, log_excess in zip(supported, log_excess_N, strict=True):
        by_prompt[row.prompt_id].append(log_excess)
    return _mean([_share_above(np.array(log_excess)) for log_excess in by_prompt.values()])


def _share_above(log_excess_N: np.ndarray) -> float:
    """Σ max(0, w − c) / Σ w of one prompt, from log w − log c.

    In units of the largest w: in those of c, a ratio of a long completion leaves the range of a
    float.
    """
    largest = log_excess_N.max()
    if largest <= 0:
        return 0.0
    share_N = np.exp(log_excess_N - largest)
    return float(np.maximum(0, share_N - np.exp(-largest)).sum() / share_N.sum())


def _mean_tokens(rows: Sequence[Decided]) -> float | None:
    known = [row.token_count for row in rows if row.token_count is not None]
    return _mean(known) if known else None


def _mean(values: Sequence[float] | np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else 0.0
