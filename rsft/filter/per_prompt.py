"""How the decisions on each prompt's candidates came out.

clipped mass        Σ max(0, w − c) / Σ w, w = P̃/M: what acceptance cannot represent because c is
                    too small
KL to the proposal  KL(Q ‖ M) of the law Q ∝ M·A that the rule keeps, Σ A log A / ΣA − log(ΣA/K)
                    over the K candidates of a prompt on which the rule had its say: biased low, at
                    most log K. Rules that rank have A = 1 for what they chose. Best of n, with s
                    of n candidates in the support, has a formula of its own, log n − (s − 1)/s:
                    log n/s for the support, and at most log s − (s − 1)/s for the best within it
                    (Beirami et al. 2024, arXiv 2401.01879)
"""

from typing import Any

import numpy as np
import pandas as pd

from rsft.config import FilterSection
from rsft.filter.bound import is_pilot
from rsft.filter.columns import Candidates
from rsft.filter.decide import Decisions
from rsft.filter.reasons import has_reason


def kl_estimator(section: FilterSection) -> str:
    """How the KL to the proposal is estimated, in words."""
    if section.rule == "best_of_n":
        return "upper bound, log n − (s − 1)/s, s of n being in the support"
    return "plug-in, Σ A log A / ΣA − log(ΣA/K)"


def was_tried(candidates: Candidates, decisions: Decisions, section: FilterSection) -> np.ndarray:
    """Whether the rule had its say on each candidate.

    It had none on what no reward could judge, whose A is not known, nor on the draws of a pilot,
    which could not be accepted.
    """
    was_tried_N = ~has_reason(decisions.reason_N, "unscorable")
    if section.uses_a_bound:
        was_tried_N &= ~is_pilot(candidates, section.bound)
    return was_tried_N


def rule_weights(
    candidates: Candidates, decisions: Decisions, section: FilterSection, chosen_N: np.ndarray
) -> np.ndarray:
    """The A by which the rule keeps each candidate, coins aside: 0 where it would never.

    A threshold keeps nothing of what lies below it; rules without a bound have 1 for what they
    chose.
    """
    if decisions.accept_prob_N is None:
        return chosen_N.astype(float)
    may_be_kept_N = was_tried(candidates, decisions, section)
    if section.rule == "threshold":
        may_be_kept_N &= chosen_N
    return np.where(may_be_kept_N, decisions.accept_prob_N, 0.0)


class PromptSums:
    """Sums and means over the candidates of each prompt."""

    prompt_N: np.ndarray
    """Number of each candidate's prompt."""

    def __init__(self, candidates: Candidates) -> None:
        self.prompt_N = candidates.prompt_N
        self._prompts = len(candidates.prompt_ids)

    def sum(self, value_N: np.ndarray, where_N: np.ndarray | None = None) -> np.ndarray:
        """Sum of the values, (P,) float64; those that are not known count as 0."""
        known_N = ~np.isnan(value_N) if where_N is None else where_N & ~np.isnan(value_N)
        summed_P: np.ndarray = np.bincount(
            self.prompt_N[known_N], value_N[known_N], minlength=self._prompts
        )
        return summed_P

    def count(self, where_N: np.ndarray) -> np.ndarray:
        """How many there are, (P,) int."""
        counted_P: np.ndarray = np.bincount(self.prompt_N[where_N], minlength=self._prompts)
        return counted_P

    def mean(self, value_N: np.ndarray, where_N: np.ndarray | None = None) -> np.ndarray:
        """Mean of the known values, (P,) float64; NaN where there is none."""
        known_N = ~np.isnan(value_N) if where_N is None else where_N & ~np.isnan(value_N)
        return _quotient(self.sum(value_N, where_N), self.count(known_N))

    def largest(self, value_N: np.ndarray) -> np.ndarray:
        """Largest value, (P,) float64; −inf where there is none."""
        largest_P = np.full(self._prompts, -np.inf)
        np.maximum.at(largest_P, self.prompt_N, value_N)
        return largest_P


def prompt_figures(
    candidates: Candidates,
    decisions: Decisions,
    section: FilterSection,
    supported_N: np.ndarray,
    chosen_N: np.ndarray,
) -> pd.DataFrame:
    """A table of ``PromptAcceptance``, NaN where a figure is null.

    Args:
        candidates: All of the round's.
        decisions: What was decided.
        section: By which settings.
        supported_N: Whether each candidate lies in the target's support.
        chosen_N: Whether the rule accepted it, before copies went and the cap was applied.
    """
    sums = PromptSums(candidates)
    accepted_N = decisions.is_accepted_N
    drawn_P = sums.count(np.ones(len(candidates), bool))
    tried_N = was_tried(candidates, decisions, section)
    accept_prob_N = rule_weights(candidates, decisions, section, chosen_N)
    columns: dict[str, Any] = {
        "prompt_id": candidates.prompt_ids,
        "candidates": drawn_P,
        "unscorable": sums.count(has_reason(decisions.reason_N, "unscorable")),
        "supported": sums.count(supported_N),
        "chosen": sums.count(chosen_N),
        "accepted": sums.count(accepted_N),
        "acceptance_rate": sums.count(accepted_N) / drawn_P,
        "log_bound": np.nan if decisions.log_bound_P is None else decisions.log_bound_P,
        **_beyond_the_bound(sums, decisions, supported_N & tried_N),
        "effective_sample_size": _sample_sizes(sums, accept_prob_N),
        "kl_to_proposal": _kl_to_proposal(sums, accept_prob_N, tried_N, supported_N, section),
        "mean_reward": sums.mean(candidates.reward_N),
        "mean_reward_accepted": sums.mean(candidates.reward_N, accepted_N),
        "mean_tokens": sums.mean(candidates.tokens_N),
        "mean_tokens_accepted": sums.mean(candidates.tokens_N, accepted_N),
    }
    return pd.DataFrame(columns)


def _sample_sizes(sums: PromptSums, accept_prob_N: np.ndarray) -> np.ndarray:
    """(ΣA)²/ΣA² of each prompt, (P,), 0 where ΣA is.

    In units of its largest A, whose square may leave the range of a float.
    """
    largest_P = sums.largest(accept_prob_N)
    relative_N = accept_prob_N / np.where(largest_P > 0, largest_P, 1.0)[sums.prompt_N]
    size_P: np.ndarray = np.nan_to_num(
        _quotient(sums.sum(relative_N) ** 2, sums.sum(relative_N**2))
    )
    return size_P


def _beyond_the_bound(
    sums: PromptSums, decisions: Decisions, judged_N: np.ndarray
) -> dict[str, Any]:
    """Violations and clipped mass of each prompt.

    Mass is taken in units of the largest w: in those of c, a ratio of a long completion leaves the
    range of a float.
    """
    if decisions.log_accept_ratio_N is None:
        return {"bound_violation_rate": np.nan, "clipped_mass": np.nan}
    excess_N = np.where(judged_N, decisions.log_accept_ratio_N, -np.inf)
    largest_P = np.maximum(0.0, sums.largest(excess_N))
    relative_N = excess_N - largest_P[sums.prompt_N]
    mass_N = np.exp(relative_N)
    above_N = np.maximum(0.0, mass_N - np.exp(-largest_P)[sums.prompt_N])
    judged_P = sums.count(judged_N)
    clipped_P = _quotient(sums.sum(above_N), sums.sum(mass_N))
    return {
        "bound_violation_rate": _quotient(sums.count(excess_N > 0), judged_P),
        # a prompt whose mass underflows lies far below its bound
        "clipped_mass": np.where(judged_P > 0, np.nan_to_num(clipped_P), np.nan),
    }


def _kl_to_proposal(
    sums: PromptSums,
    accept_prob_N: np.ndarray,
    tried_N: np.ndarray,
    supported_N: np.ndarray,
    section: FilterSection,
) -> np.ndarray:
    """KL of what the rule keeps to the proposal, (P,) in nats; NaN where it keeps nothing."""
    tried_P = sums.count(tried_N)
    mass_P = sums.sum(accept_prob_N)
    if section.rule == "best_of_n":
        n_P, s_P = np.maximum(1, tried_P), np.maximum(1, sums.count(supported_N))
        return np.where(mass_P > 0, np.log(n_P) - (s_P - 1) / s_P, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy_N = np.where(accept_prob_N > 0, accept_prob_N * np.log(accept_prob_N), 0.0)
        kl_P = sums.sum(entropy_N) / mass_P - np.log(mass_P / tried_P)
    return np.where(mass_P > 0, np.maximum(0.0, kl_P), np.nan)


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient: np.ndarray = np.where(below != 0, above / below, np.nan)
    return quotient
