"""The rules: which of the candidates in the target's support are accepted.

coin       accept where u < A, weight 1 (the coin has applied A already)
soft       accept where A > 0, weight A
threshold  accept where A ≥ threshold and A > 0, weight A; or where the reward is
best_of_n, top_n, top_fraction     the best rewards
rso        statistical rejection sampling without replacement
"""

import numpy as np

from rsft.config import FilterSection
from rsft.errors import AcceptanceError
from rsft.filter.coins import Coins
from rsft.filter.columns import Candidates
from rsft.filter.ranking import share_of, top_of_all, top_of_prompt
from rsft.filter.reasons import has_reason, mark
from rsft.filter.rso import sample_without_replacement


def apply_accept_prob(
    reason_N: np.ndarray,
    accept_prob_N: np.ndarray,
    coin_N: np.ndarray | None,
    section: FilterSection,
) -> None:
    """Marks what the rules that decide by A do not accept."""
    if section.rule == "coin":
        assert coin_N is not None
        mark(reason_N, coin_N >= accept_prob_N, "coin")
        return
    if section.rule == "threshold":
        mark(reason_N, accept_prob_N < section.threshold, "threshold")
    mark(reason_N, accept_prob_N == 0, "no_mass")


def apply_reward(
    reason_N: np.ndarray, candidates: Candidates, section: FilterSection, coins: Coins
) -> None:
    """Marks what the rules that read rewards alone do not accept.

    Raises:
        AcceptanceError: Where RSO is to take more of a prompt than were drawn.
    """
    if section.rule == "threshold":
        mark(reason_N, candidates.reward_N < section.threshold, "threshold")
        return
    # By draw, so that the order of a table decides nothing.
    rows = np.flatnonzero(has_reason(reason_N, "accepted"))
    rows = rows[np.argsort(candidates.draw_N[rows], kind="stable")]
    choose = _sample if section.rule == "rso" else _best
    is_outranked_N = np.zeros(len(reason_N), bool)
    is_outranked_N[rows[~choose(rows, candidates, section, coins)]] = True
    mark(reason_N, is_outranked_N, "outranked")


def _best(
    rows: np.ndarray, candidates: Candidates, section: FilterSection, coins: Coins
) -> np.ndarray:
    reward, prompt = candidates.reward_N[rows], candidates.prompt_N[rows]
    tie = coins.toss("rank", rows)
    if section.rule == "top_fraction":
        assert section.fraction is not None
        if section.within == "round":
            return top_of_all(reward, tie, share_of(len(candidates), section.fraction))
        share_P = [share_of(drawn, section.fraction) for drawn in _drawn(candidates).tolist()]
        return top_of_prompt(reward, tie, prompt, np.array(share_P, int)[prompt])
    n = 1 if section.rule == "best_of_n" else section.n
    assert n is not None
    return top_of_prompt(reward, tie, prompt, n)


def _sample(
    rows: np.ndarray, candidates: Candidates, section: FilterSection, coins: Coins
) -> np.ndarray:
    assert section.n is not None
    assert section.beta is not None
    drawn_P = _drawn(candidates)
    if (drawn_P < section.n).any():
        short = int((drawn_P < section.n).argmax())
        raise AcceptanceError(
            f"filter.n = {section.n}: prompt {candidates.prompt_ids[short]!r} has only "
            f"{drawn_P[short]} candidates to take so many from without replacement; lower it, or "
            "raise generate.draws_per_prompt"
        )
    return sample_without_replacement(
        candidates.reward_N[rows],
        candidates.prompt_N[rows],
        section.beta,
        section.n,
        lambda number, left: coins.toss("rso", rows[left], number),
    )


def _drawn(candidates: Candidates) -> np.ndarray:
    """Candidates of each prompt, (P,)."""
    drawn_P: np.ndarray = np.bincount(candidates.prompt_N, minlength=len(candidates.prompt_ids))
    return drawn_P
