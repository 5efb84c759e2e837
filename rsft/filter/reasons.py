"""Why a candidate is what it is: one word each, held as a number."""

import numpy as np

REASONS = (
    "accepted",
    "unscorable",
    "truncated",
    "wrong",
    "pilot",
    "coin",
    "threshold",
    "no_mass",
    "outranked",
    "duplicate",
    "near_duplicate",
    "same_path",
    "capped",
)
"""``pilot`` was spent on finding the bound, ``no_mass`` has A = 0, ``outranked`` others of a better
reward or luckier in their coins."""
CODES = {reason: code for code, reason in enumerate(REASONS)}
OUTSIDE = ("unscorable", "truncated", "wrong")
"""Reasons of what lies outside the target's support."""
AFTER_THE_RULE = ("duplicate", "near_duplicate", "same_path", "capped")
"""Reasons of what the rule itself accepted."""


def mark(reason_N: np.ndarray, where_N: np.ndarray, reason: str) -> None:
    """Gives a reason to those rows that are accepted so far."""
    reason_N[where_N & has_reason(reason_N, "accepted")] = CODES[reason]


def has_reason(reason_N: np.ndarray, *reasons: str) -> np.ndarray:
    """Whether each row has one of the reasons."""
    is_one_N: np.ndarray = np.isin(reason_N, [CODES[reason] for reason in reasons])
    return is_one_N
