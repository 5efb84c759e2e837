"""How a round's decisions came out: what to look at before believing its acceptance.

The effective sample size is (ΣA)²/ΣA² of the soft weights A over the target's support (Kish 1965):
with a coin it says what the coin's choice can be worth. Draws that a pilot spent on the bound are
in no figure of the rule: they could not be accepted. Clipped mass and KL are means over prompts
(``per_prompt``).
"""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from rsft.config import FilterSection
from rsft.filter.columns import Candidates
from rsft.filter.decide import Decisions
from rsft.filter.per_prompt import kl_estimator, prompt_figures, rule_weights, was_tried
from rsft.filter.reasons import AFTER_THE_RULE, OUTSIDE, REASONS, has_reason
from rsft.filter.sums import ExactMean, SampleSize

_OF_CANDIDATES = {"mean_reward": "reward_N", "mean_tokens": "tokens_N"}
"""Means over all candidates and over the accepted ones, by the column that they are of."""
_OF_PROMPTS = ("clipped_mass", "kl_to_proposal")


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


class Tally:
    """The figures of a round, from slices of its prompts: whichever they are, the same to the bit.

    It holds 8 bytes a prompt, the bounds, for their median.
    """

    def __init__(self, section: FilterSection) -> None:
        self._section = section
        self._counts: Counter[str] = Counter()
        self._reason_R = np.zeros(len(REASONS), int)
        accepted = (f"{name}_accepted" for name in _OF_CANDIDATES)
        names = (*_OF_CANDIDATES, *accepted, *_OF_PROMPTS)
        self._means = {name: ExactMean() for name in names}
        self._sample_size = SampleSize()
        self._log_bounds: list[np.ndarray] = []

    def add(self, candidates: Candidates, decisions: Decisions) -> pd.DataFrame:
        """Adds a slice.

        Args:
            candidates: All of some prompts; none where the round was not run.
            decisions: What was decided.

        Returns:
            The figures of these prompts, a table of ``PromptAcceptance``.
        """
        section = self._section
        accepted_N = decisions.is_accepted_N
        chosen_N = accepted_N | has_reason(decisions.reason_N, *AFTER_THE_RULE)
        supported_N = ~has_reason(decisions.reason_N, *OUTSIDE)
        by_prompt = prompt_figures(candidates, decisions, section, supported_N, chosen_N)
        self._reason_R += np.bincount(decisions.reason_N, minlength=len(REASONS))
        self._counts.update(
            prompts=len(candidates.prompt_ids),
            candidates=len(candidates),
            supported=int(supported_N.sum()),
            accepted=int(accepted_N.sum()),
            chosen=int(chosen_N.sum()),
            non_canonical=int((candidates.is_respelt_N & supported_N).sum()),
            prompts_without_accepted=int((by_prompt["accepted"] == 0).sum()),
        )
        if decisions.log_accept_ratio_N is not None:
            judged_N = supported_N & was_tried(candidates, decisions, section)
            self._counts.update(_ratio_counts(decisions.log_accept_ratio_N[judged_N]))
        self._sample_size.add(rule_weights(candidates, decisions, section, chosen_N))
        self._log_bounds.append(by_prompt["log_bound"].to_numpy(float))
        for name, column in _OF_CANDIDATES.items():
            self._means[name].add(getattr(candidates, column))
            self._means[f"{name}_accepted"].add(getattr(candidates, column)[accepted_N])
        for name in _OF_PROMPTS:
            self._means[name].add(by_prompt[name].to_numpy(float))
        return by_prompt

    def diagnostics(self) -> Diagnostics:
        """The figures of all that was added."""
        section, counts = self._section, self._counts
        has_bound = section.uses_a_bound
        counted = zip(REASONS, self._reason_R.tolist(), strict=True)
        reasons = {reason: n for reason, n in counted if n}
        means = {name: mean.value for name, mean in self._means.items()}
        clipped_mass = means.pop("clipped_mass")
        return Diagnostics(
            prompts=counts["prompts"],
            candidates=counts["candidates"],
            supported=counts["supported"],
            accepted=counts["accepted"],
            acceptance_rate=self._share("accepted", "candidates"),
            acceptance_rate_by_rule=self._share("chosen", "candidates"),
            rule=section.rule,
            target=section.target,
            base_measure=section.base_measure,
            bound=section.bound.method if has_bound else None,
            bound_note=_bound_note(counts["supported"], counts["candidates"], section),
            log_bound_median=_or_none(pd.Series(np.concatenate(self._log_bounds)).median()),
            bound_violation_rate=(self._share("above", "judged") or 0.0) if has_bound else None,
            clipped_mass=(clipped_mass or 0.0) if has_bound else None,
            coin_share=(self._share("between", "judged") or 0.0) if has_bound else None,
            effective_sample_size=self._sample_size.value,
            kl_estimator=kl_estimator(section),
            non_canonical=counts["non_canonical"],
            prompts_without_accepted=counts["prompts_without_accepted"],
            reasons=dict(sorted(reasons.items(), key=lambda item: -item[1])),
            **means,
        )

    def _share(self, part: str, whole: str) -> float | None:
        """Null where there is none."""
        return self._counts[part] / self._counts[whole] if self._counts[whole] else None


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
    tally = Tally(section)
    by_prompt = tally.add(candidates, decisions)
    return tally.diagnostics(), by_prompt


def _ratio_counts(log_accept_ratio_N: np.ndarray) -> dict[str, int]:
    """How many ratios there are, lie above the bound, and have a coin that matters."""
    accept_prob_N = np.exp(np.minimum(0.0, log_accept_ratio_N))
    return {
        "judged": len(log_accept_ratio_N),
        "above": int((log_accept_ratio_N > 0).sum()),
        "between": int(((accept_prob_N > 0) & (accept_prob_N < 1)).sum()),
    }


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


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
