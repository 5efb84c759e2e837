"""Deciding: every candidate gets a decision, a reason, and every number the decision used.

    log ratio = log P̃ − log M          how much more the target wants it than the proposal gave it
    A = min(1, exp(log ratio − log c))  the accept probability
    coin       accept where u < A, weight 1 (the coin has applied A already)
    threshold  accept where A ≥ threshold, weight A

De-duplication and the cap per prompt come after, and change the law: diagnostics show both counts.
Each rule needs the recorded candidates alone, and coins have an address, so decisions can be
replayed in any order.
"""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from rsft.config import FilterSection
from rsft.errors import AcceptanceError
from rsft.filter.bound import log_bound
from rsft.filter.target import log_ratio, log_target
from rsft.randomness import generator
from rsft.types import Decided, Scored

_SCORED_FIELDS = [field.name for field in fields(Scored)]


def decide(
    scored: Sequence[Scored],
    section: FilterSection,
    *,
    seed: int,
    round: int,  # noqa: A002
) -> list[Decided]:
    """Decides candidates.

    Args:
        scored: N candidates, in any order.
        section: Target, bound, rule, and what follows them.
        seed: With round, prompt and draw, the address of a coin.
        round: The round.

    Returns:
        One decision per candidate, in the order given.

    Raises:
        AcceptanceError: Where the target's ratio needs log M and a candidate has none.
    """
    _require_proposal(scored, section)
    numbers: dict[str, int] = {}
    prompt_N = np.array([numbers.setdefault(row.prompt_id, len(numbers)) for row in scored], int)
    reward_N = np.array([np.nan if row.reward is None else row.reward for row in scored], float)
    is_finished_N = np.array([row.finish_reason == "stop" for row in scored], bool)
    is_known_N = np.array([row.proposal_logprob is not None for row in scored], bool)
    proposal_N = np.array([row.proposal_logprob or 0.0 for row in scored], float)
    target_N = log_target(reward_N, is_finished_N, proposal_N, section)
    log_ratio_N = log_ratio(target_N, reward_N, proposal_N, section)
    bound_N = log_bound(log_ratio_N, prompt_N, section.bound)
    log_accept_ratio_N = log_ratio_N - bound_N
    accept_prob_N = np.exp(np.minimum(0.0, log_accept_ratio_N))
    reason_N = _support_reasons(reward_N, is_finished_N, target_N)
    coin_N = None
    if section.rule == "coin":
        coin_N = np.array([_coin(seed, round, row) for row in scored])
        reason_N[(reason_N == "accepted") & (coin_N >= accept_prob_N)] = "coin"
    else:
        assert section.threshold is not None
        reason_N[(reason_N == "accepted") & (accept_prob_N < section.threshold)] = "threshold"
    if section.deduplicate:
        _mark_duplicates(scored, reason_N)
    if section.max_per_prompt is not None:
        _mark_capped(scored, reason_N, section.max_per_prompt, seed, round)
    weight_N = np.ones_like(accept_prob_N) if section.rule == "coin" else accept_prob_N
    return [
        Decided(
            **{name: getattr(row, name) for name in _SCORED_FIELDS},
            log_target=_finite(target_N[i]) if is_known_N[i] else None,
            log_bound=float(bound_N[i]),
            log_accept_ratio=_finite(log_accept_ratio_N[i]),
            accept_prob=float(accept_prob_N[i]),
            coin=None if coin_N is None else float(coin_N[i]),
            is_accepted=bool(reason_N[i] == "accepted"),
            reason=str(reason_N[i]),
            weight=float(weight_N[i]) if reason_N[i] == "accepted" else 0.0,
        )
        for i, row in enumerate(scored)
    ]


def _require_proposal(scored: Sequence[Scored], section: FilterSection) -> None:
    """Refuses a target whose ratio contains log M, where the server did not tell it."""
    unknown = sum(row.proposal_logprob is None for row in scored)
    if unknown and section.target == "uniform_correct":
        raise AcceptanceError(
            f"filter.target = 'uniform_correct' needs log M, and {unknown} of {len(scored)} "
            "candidates have none: the server gave no log-probabilities of the law drawn from; "
            "draw at temperature 1 without truncation from one that does, or set filter.target "
            "to 'policy_correct'"
        )


def _support_reasons(
    reward_N: np.ndarray, is_finished_N: np.ndarray, log_target_N: np.ndarray
) -> np.ndarray:
    """Why a candidate lies outside the target's support, or ``accepted`` for now."""
    return np.select(
        [np.isnan(reward_N), ~is_finished_N, ~np.isfinite(log_target_N)],
        ["unscorable", "truncated", "wrong"],
        "accepted",
    ).astype(object)


def _coin(seed: int, round: int, row: Scored) -> float:  # noqa: A002
    return float(generator("coin", seed, round, row.prompt_id, row.draw).random())


def _mark_duplicates(scored: Sequence[Scored], reason_N: np.ndarray) -> None:
    """Leaves the first accepted draw of each (prompt, text)."""
    seen = set()
    for i in sorted(np.flatnonzero(reason_N == "accepted").tolist(), key=lambda i: scored[i].draw):
        key = scored[i].prompt_id, scored[i].text
        if key in seen:
            reason_N[i] = "duplicate"
        seen.add(key)


def _mark_capped(
    scored: Sequence[Scored],
    reason_N: np.ndarray,
    cap: int,
    seed: int,
    round: int,  # noqa: A002
) -> None:
    """Leaves at most so many accepted rows per prompt; which ones is a seeded shuffle."""
    accepted: dict[str, list[int]] = {}
    for i in np.flatnonzero(reason_N == "accepted").tolist():
        accepted.setdefault(scored[i].prompt_id, []).append(i)
    for prompt_id, rows in accepted.items():
        if len(rows) > cap:
            rows.sort(key=lambda i: scored[i].draw)
            order = generator("cap", seed, round, prompt_id).permutation(len(rows))
            reason_N[[rows[place] for place in order[cap:]]] = "capped"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
