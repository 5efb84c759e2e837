"""How many completions of each prompt are kept.

uniform      the same cap for every prompt
difficulty   the cap for the hardest prompt, and of the others in proportion to their share of
             wrong completions, but one at least (DART-Math, Tong et al. 2024, arXiv 2407.13690).
             A prompt of which nothing could be scored is not the hardest: its share is not known
"""

import numpy as np

from rsft.config import FilterSection
from rsft.filter.columns import Candidates


def rows_allowed(candidates: Candidates, section: FilterSection) -> np.ndarray:
    """The cap of each prompt, (P,) int."""
    cap = section.max_per_prompt
    assert cap is not None
    prompts = len(candidates.prompt_ids)
    if section.quota == "uniform":
        return np.full(prompts, cap)
    fail_rate_P = 1 - success_rates(candidates, section)
    is_known_P = ~np.isnan(fail_rate_P)
    hardest = fail_rate_P[is_known_P].max(initial=0.0)
    if not hardest:
        return np.ones(prompts, int)
    fail_rate_P = np.where(is_known_P, fail_rate_P, hardest)
    share_P: np.ndarray = np.ceil(np.round(cap * fail_rate_P / hardest, 9))
    allowed_P: np.ndarray = np.maximum(1, share_P.astype(int))
    return allowed_P


def success_rates(candidates: Candidates, section: FilterSection) -> np.ndarray:
    """Estimated share of right completions of each prompt, (P,); NaN where nothing was scored.

    Where the draws tell it, theirs, which knows about stopping early; else right over scored.
    """
    prompts = len(candidates.prompt_ids)
    is_scored_N = ~np.isnan(candidates.reward_N)
    is_right_N = (candidates.reward_N >= section.correct_reward) & candidates.is_finished_N
    scored_P = np.bincount(candidates.prompt_N[is_scored_N], minlength=prompts)
    right_P = np.bincount(candidates.prompt_N[is_right_N], minlength=prompts)
    counted_P = np.full(prompts, np.nan)
    np.divide(right_P, scored_P, out=counted_P, where=scored_P > 0)
    told_P = candidates.success_rate_P
    return counted_P if told_P is None else np.where(np.isnan(told_P), counted_P, told_P)
