"""What follows the rule: copies go, then what is over the cap.

It changes the law of what is kept: diagnostics show the counts before and after.
"""

from collections.abc import Iterator

import numpy as np

from rsft.config import FilterSection
from rsft.filter.coins import Coins
from rsft.filter.columns import Candidates
from rsft.filter.diversity import duplicates, farthest_paths, near_duplicates
from rsft.filter.quota import rows_allowed
from rsft.filter.ranking import place_in_prompt
from rsft.filter.reasons import CODES, has_reason


def thin(
    reason_N: np.ndarray, candidates: Candidates, section: FilterSection, coins: Coins
) -> None:
    """Marks copies and what is over the cap, among those that the rule accepted.

    What stays under the cap is a shuffle with an address, or, with distinct paths, those farthest
    from each other.
    """
    if section.deduplicate:
        rows = _accepted(reason_N)
        prompt, draw = candidates.prompt_N[rows], candidates.draw_N[rows]
        is_copy = duplicates(prompt, draw, candidates.text_key_N[rows])
        reason_N[rows[is_copy]] = CODES["duplicate"]
    if section.near_duplicates is not None:
        for rows in _by_prompt(reason_N, candidates):
            is_near = near_duplicates(candidates.texts(rows), section.near_duplicates)
            reason_N[rows[is_near]] = CODES["near_duplicate"]
    place_N = None
    if section.distinct_paths:
        place_N = np.zeros(len(candidates))
        for rows in _by_prompt(reason_N, candidates):
            kept = rows[farthest_paths(candidates.texts(rows))]
            place_N[kept] = np.arange(len(kept))
            reason_N[np.setdiff1d(rows, kept)] = CODES["same_path"]
    if section.max_per_prompt is not None:
        rows = _accepted(reason_N)
        prompt = candidates.prompt_N[rows]
        key = coins.toss("cap", rows) if place_N is None else place_N[rows]
        is_over = place_in_prompt(prompt, key) >= rows_allowed(candidates, section)[prompt]
        reason_N[rows[is_over]] = CODES["capped"]


def _accepted(reason_N: np.ndarray) -> np.ndarray:
    return np.flatnonzero(has_reason(reason_N, "accepted"))


def _by_prompt(reason_N: np.ndarray, candidates: Candidates) -> Iterator[np.ndarray]:
    """The rows still accepted of each prompt, in order of their draws."""
    rows = _accepted(reason_N)
    order = rows[np.lexsort((candidates.draw_N[rows], candidates.prompt_N[rows]))]
    starts = np.flatnonzero(np.diff(candidates.prompt_N[order])) + 1
    return iter(np.split(order, starts) if len(order) else [])
