"""Deciding: every candidate gets a decision, a reason, and every number the decision used.

    log w = log P̃ − log M              how much more the target wants it than the proposal gave it
    A = min(1, exp(log w − log c))      the accept probability
    rule                                what is done with A, or with the rewards
    thinning                            copies go, and what is over the cap

Each rule needs the recorded candidates alone, and coins have an address, so decisions can be
replayed in any order, split in any way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rsft.config import FilterSection
from rsft.filter.bound import is_pilot, log_bound
from rsft.filter.coins import Coins
from rsft.filter.columns import Candidates
from rsft.filter.reasons import CODES, REASONS, has_reason, mark
from rsft.filter.rules import apply_accept_prob, apply_reward
from rsft.filter.target import in_support, is_unscorable, log_ratio, log_target
from rsft.filter.thinning import thin
from rsft.ledger import schema_of
from rsft.types import Decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What became of N candidates of P prompts."""

    log_bound_P: np.ndarray | None
    """log c of each prompt in nats; null for rules that use none."""
    log_accept_ratio_N: np.ndarray | None
    """log P̃ − log M − log c in nats, −inf where P̃ = 0; null for rules without a bound."""
    coin_N: np.ndarray | None
    """The uniform numbers; null where none was tossed."""
    reason_N: np.ndarray
    """int8; index into ``REASONS``."""
    is_weighted: bool
    """Whether an accepted row's weight is its A; else it is 1."""

    @property
    def accept_prob_N(self) -> np.ndarray | None:
        """A = min(1, P̃/(cM)); null for rules without a bound."""
        if self.log_accept_ratio_N is None:
            return None
        accept_prob_N: np.ndarray = np.exp(np.minimum(0.0, self.log_accept_ratio_N))
        return accept_prob_N

    @property
    def is_accepted_N(self) -> np.ndarray:
        """Whether each candidate goes on to the pool."""
        return has_reason(self.reason_N, "accepted")

    @property
    def weight_N(self) -> np.ndarray:
        """Weight in the loss; 0 where it is not accepted."""
        weight_N = self.is_accepted_N.astype(float)
        if self.is_weighted:
            weight_N *= self.accept_prob_N
        return weight_N


def decide(
    candidates: Candidates,
    section: FilterSection,
    *,
    seed: int,
    round: int,  # noqa: A002
) -> Decisions:
    """Decides candidates.

    Args:
        candidates: N of them, in any order.
        section: Target, bound, rule, and what follows them.
        seed: With round, prompt and draw, the address of a coin.
        round: The round.

    Raises:
        AcceptanceError: Where the target's ratio needs a log-probability that a candidate has not,
            or RSO is to take more of a prompt than were drawn.
    """
    coins = Coins(candidates, seed=seed, round=round)
    in_support_N = in_support(candidates, section)
    reason_N = np.full(len(candidates), CODES["accepted"], np.int8)
    mark(reason_N, is_unscorable(candidates, section), "unscorable")
    mark(reason_N, ~candidates.is_finished_N, "truncated")
    mark(reason_N, ~in_support_N, "wrong")
    bound_P = ratio_N = coin_N = None
    if section.uses_a_bound:
        ratio_N = log_ratio(candidates, section, in_support_N)
        bound_P = log_bound(ratio_N, candidates, section.bound)
        ratio_N -= bound_P[candidates.prompt_N]
        mark(reason_N, is_pilot(candidates, section.bound), "pilot")
        coin_N = coins.toss("coin") if section.rule == "coin" else None
        apply_accept_prob(reason_N, np.exp(np.minimum(0.0, ratio_N)), coin_N, section)
    else:
        apply_reward(reason_N, candidates, section, coins)
    thin(reason_N, candidates, section, coins)
    return Decisions(
        log_bound_P=bound_P,
        log_accept_ratio_N=ratio_N,
        coin_N=coin_N,
        reason_N=reason_N,
        is_weighted=section.uses_a_bound and section.rule != "coin",
    )


def decided_tables(
    scored: Iterable[pa.Table],
    candidates: Candidates,
    decisions: Decisions,
    section: FilterSection,
) -> Iterator[pa.Table]:
    """Joins decisions to the candidates' own tables.

    Args:
        scored: Parts of the table of ``Scored`` that the candidates were read from, in that order.
        candidates: What was read.
        decisions: What was decided.
        section: By which settings.

    Yields:
        A table of ``Decided`` for each part.
    """
    schema = schema_of(Decided)
    columns = _columns(candidates, decisions, section)
    start = 0
    for table in scored:
        part = slice(start, start + len(table))
        start += len(table)
        decided = {name: _array(values, part) for name, values in columns.items()}
        reason = pa.DictionaryArray.from_arrays(decisions.reason_N[part], list(REASONS))
        decided["reason"] = reason.dictionary_decode()
        given = {name: table[name] for name in schema.names if name not in decided}
        yield pa.table(given | decided, schema=schema)
    assert start == len(candidates)


def _columns(
    candidates: Candidates, decisions: Decisions, section: FilterSection
) -> dict[str, np.ndarray | None]:
    """The columns that ``Decided`` has and ``Scored`` has not, NaN or −inf where they are null."""
    target_N = None
    if decisions.log_bound_P is not None:
        target_N = log_target(candidates, section, in_support(candidates, section))
    return {
        "log_target": target_N,
        "log_bound": (
            None if decisions.log_bound_P is None else decisions.log_bound_P[candidates.prompt_N]
        ),
        "log_accept_ratio": decisions.log_accept_ratio_N,
        "accept_prob": _known(decisions.accept_prob_N, decisions.reason_N),
        "coin": decisions.coin_N,
        "is_accepted": decisions.is_accepted_N,
        "weight": decisions.weight_N,
    }


def _known(accept_prob_N: np.ndarray | None, reason_N: np.ndarray) -> np.ndarray | None:
    """A where it is known: of what no reward could judge it is not 0."""
    if accept_prob_N is None:
        return None
    return np.where(has_reason(reason_N, "unscorable"), np.nan, accept_prob_N)


def _array(values_N: np.ndarray | None, part: slice) -> pa.Array:
    """Part of a column; what is not finite is null, and so is all of a column that there is not."""
    if values_N is None:
        return pa.nulls(part.stop - part.start, pa.float64())
    return pa.array(values_N[part], mask=~np.isfinite(values_N[part]))
