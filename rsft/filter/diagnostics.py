"""How a round's decisions came out: what to look at before believing its acceptance.

The effective sample size is (ΣA)²/ΣA² of the soft weights A over the target's support (Kish 1965):
with a coin it says what the coin's choice can be worth. Draws that a pilot spent on the bound are
in no figure of the rule: they could not be accepted. Clipped mass and KL are means over prompts
(``per_prompt``).
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from rsft.config import FilterSection
from rsft.filter.columns import Candidates
from rsft.filter.decide import Decisions
from rsft.filter.per_prompt import kl_estimator, prompt_figures, rule_weights, was_tried
from rsft.filter.reasons import AFTER_THE_RULE, OUTSIDE, REASONS, has_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """Figures of one round's decisions; shares are fractions of 1."""

    prompts: int
    """Prompts with candidates."""
    candidates: int
    """Candidates."""
    supported: int
    """Candidates in the target's support: finished, scored, and right where the target asks for
    it."""
    accepted: int
    """Candidates accepted in the end."""
    acceptance_rate: float | None
    """Accepted in the end over candidates; null where there are none."""
    acceptance_rate_by_rule: float | None
    """Accepted by the rule alone, before copies went and the cap was applied, over candidates; null
    likewise."""
    rule: str
    """The rule."""
    target: str
    """The target's factor."""
    base_measure: str
    """Its base measure."""
    bound: str | None
    """How the bound was found; null for rules that use none."""
    bound_note: str | None
    """What the bound could not do, in one line; null where it did all."""
    log_bound_median: float | None
    """Median over prompts of log c, in nats; null likewise."""
    bound_violation_rate: float | None
    """Share of the supported whose ratio lies above the bound; null likewise."""
    clipped_mass: float | None
    """Mean over prompts of the target's mass above the envelope; null likewise."""
    coin_share: float | None
    """Share of the supported with 0 < A < 1; null likewise."""
    effective_sample_size: float
    """(ΣA)²/ΣA² over the supported, with a threshold over those that reach it; for rules without a
    bound, how many were chosen."""
    kl_to_proposal: float | None
    """Mean over prompts, in nats; null where nothing was kept."""
    kl_estimator: str
    """How it was estimated."""
    non_canonical: int
    """Supported candidates whose tokens are not those that their text is encoded as."""
    prompts_without_accepted: int
    """Prompts of which nothing was accepted."""
    mean_reward: float | None
    """Mean reward of all candidates that were scored; null if none was."""
    mean_reward_accepted: float | None
    """Mean reward of the accepted ones; null if there are none."""
    mean_tokens: float | None
    """Mean tokens of all candidates; null where no server told them."""
    mean_tokens_accepted: float | None
    """Mean tokens of the accepted ones; null likewise, or if there are none."""
    reasons: dict[str, int]
    """Candidates by reason, most frequent first."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def diagnose(
    candidates: Candidates, decisions: Decisions, section: FilterSection
) -> tuple[Diagnostics, pd.DataFrame]:
    """The figures of a round, and of each of its prompts.

    Args:
        candidates: All of the round's; none where it was not run.
        decisions: What was decided.
        section: By which settings.

    Returns:
        The round's, and a table of ``PromptAcceptance``.
    """
    accepted_N = decisions.is_accepted_N
    chosen_N = accepted_N | has_reason(decisions.reason_N, *AFTER_THE_RULE)
    supported_N = ~has_reason(decisions.reason_N, *OUTSIDE)
    judged_N = supported_N & was_tried(candidates, decisions, section)
    by_prompt = prompt_figures(candidates, decisions, section, supported_N, chosen_N)
    ratio_N, has_bound = decisions.log_accept_ratio_N, section.uses_a_bound
    counts = np.bincount(decisions.reason_N, minlength=len(REASONS)).tolist()
    reasons = {reason: n for reason, n in zip(REASONS, counts, strict=True) if n}
    return Diagnostics(
        prompts=len(candidates.prompt_ids),
        candidates=len(candidates),
        supported=int(supported_N.sum()),
        accepted=int(accepted_N.sum()),
        acceptance_rate=_mean(accepted_N),
        acceptance_rate_by_rule=_mean(chosen_N),
        rule=section.rule,
        target=section.target,
        base_measure=section.base_measure,
        bound=section.bound.method if has_bound else None,
        bound_note=_bound_note(int(supported_N.sum()), len(candidates), section),
        log_bound_median=_or_none(by_prompt["log_bound"].median()),
        bound_violation_rate=None if ratio_N is None else _mean(ratio_N[judged_N] > 0) or 0.0,
        clipped_mass=(_mean(by_prompt["clipped_mass"]) or 0.0) if has_bound else None,
        coin_share=None if ratio_N is None else _coin_share(ratio_N[judged_N]),
        effective_sample_size=effective_sample_size(
            rule_weights(candidates, decisions, section, chosen_N)
        ),
        kl_to_proposal=_mean(by_prompt["kl_to_proposal"]),
        kl_estimator=kl_estimator(section),
        non_canonical=int((candidates.is_respelt_N & supported_N).sum()),
        prompts_without_accepted=int((by_prompt["accepted"] == 0).sum()),
        mean_reward=_mean(candidates.reward_N),
        mean_reward_accepted=_mean(candidates.reward_N[accepted_N]),
        mean_tokens=_mean(candidates.tokens_N),
        mean_tokens_accepted=_mean(candidates.tokens_N[accepted_N]),
        reasons=dict(sorted(reasons.items(), key=lambda item: -item[1])),
    ), by_prompt


def effective_sample_size(weight_N: np.ndarray) -> float:
    """(Σw)²/Σw²: how many equal weights are worth as much; 0 for none.

    In units of the largest: the squares of the weights of long completions leave the range of a
    float.
    """
    largest = float(weight_N.max(initial=0.0))
    if not largest:
        return 0.0
    relative_N = weight_N / largest
    return float(relative_N.sum()) ** 2 / float((relative_N**2).sum())


def _bound_note(supported: int, candidates: int, section: FilterSection) -> str | None:
    """Says so where a budget is more than there is."""
    wanted = section.bound.acceptance_rate
    if not section.uses_a_bound or section.bound.method != "budgeted" or wanted is None:
        return None
    if supported >= wanted * candidates:
        return None
    return (
        f"acceptance_rate = {wanted:g} cannot be met: only {supported / candidates:.4g} of the "
        "candidates lie in the target's support, and all of these have A = 1"
    )


def _coin_share(log_accept_ratio_N: np.ndarray) -> float:
    accept_prob_N = np.exp(np.minimum(0.0, log_accept_ratio_N))
    return _mean((accept_prob_N > 0) & (accept_prob_N < 1)) or 0.0


def _mean(values: "np.ndarray | pd.Series[Any]") -> float | None:
    """Mean of the known values; null where there is none."""
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else None


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
