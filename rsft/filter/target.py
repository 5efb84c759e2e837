"""Targets: the unnormalised P̃(y|x) that the kept completions are to follow.

    P̃ = base measure × factor

    base measure   uniform      1           A ∝ 1/M: favours the rare completions
                   proposal     M           the law drawn from
                   reference    π_ref       the frozen base policy, at temperature 1
                   density      P           what a model or a function gives as log P
    factor         indicator    1[right]
                   tilt         exp(reward/beta)
                   density      1

so that ``density`` is the project's first statement, A = P/M; ``proposal`` with ``indicator``
accepts every right completion; and ``reference`` with ``tilt`` is the optimum of reward less KL to
the base, whose ratio keeps the factor π_ref/M from the second round on.

``temper`` raises the ratio to a power, w = (P̃/M)^temper: the target then is M·(P̃/M)^temper, another
one. Dividing log-ratios by length would be another one still, for each length its own.

A completion that the length cap cut stands for all its continuations, not for itself: P̃ = 0.
Truncated sampling (top-k, top-p) cannot draw outside its support: the target is restricted to it.
"""

import numpy as np

from rsft.config import FilterSection
from rsft.errors import AcceptanceError
from rsft.filter.columns import Candidates


def in_support(candidates: Candidates, section: FilterSection) -> np.ndarray:
    """Whether each candidate is finished, was scored, and is right where the target asks for it."""
    in_support_N: np.ndarray = candidates.is_finished_N & ~is_unscorable(candidates, section)
    if section.target == "indicator":
        in_support_N &= candidates.reward_N >= section.correct_reward
    return in_support_N


def is_unscorable(candidates: Candidates, section: FilterSection) -> np.ndarray:
    """Whether each candidate lacks the reward or, where it is the base measure, the density."""
    is_unscorable_N: np.ndarray = np.isnan(candidates.reward_N)
    if section.base_measure == "density":
        assert candidates.density_N is not None
        is_unscorable_N |= np.isnan(candidates.density_N)
    return is_unscorable_N


def log_ratio(
    candidates: Candidates, section: FilterSection, in_support_N: np.ndarray
) -> np.ndarray:
    """Computes log w = temper · (log P̃ − log M) of each candidate.

    Over the proposal it is the factor alone. Taken as a difference it would carry M's rounding, and
    rewards that are equal would fall on both sides of a bound or threshold that they meet.

    Returns:
        (N,) in nats, −inf outside the support.

    Raises:
        AcceptanceError: Where the ratio contains a log-probability that a candidate in the support
            has not; or where beta is too small for the rewards.
    """
    ratio_N = np.zeros(len(candidates))
    if section.base_measure != "proposal":
        _require("log M", candidates.proposal_logprob_N, candidates, in_support_N, section)
        ratio_N += _log_base(candidates, section)
        ratio_N -= candidates.proposal_logprob_N
    if section.base_measure == "reference":
        base_N = _log_base(candidates, section)
        _require("log π_ref", base_N, candidates, in_support_N, section)
    if section.target == "tilt":
        ratio_N += _log_tilt(candidates, section)
    ratio_N *= section.temper
    ratio_N[~in_support_N] = -np.inf
    return ratio_N


def log_target(
    candidates: Candidates, section: FilterSection, in_support_N: np.ndarray
) -> np.ndarray:
    """Computes log P̃ of each candidate, before tempering: (N,) in nats, −inf outside the support.

    NaN where it contains a log-probability that is not known.
    """
    target_N: np.ndarray = np.zeros(len(candidates)) + _log_base(candidates, section)
    if section.target == "tilt":
        target_N += _log_tilt(candidates, section)
    target_N[~in_support_N] = -np.inf
    return target_N


def _log_tilt(candidates: Candidates, section: FilterSection) -> np.ndarray:
    """reward/beta in nats; NaN where the reward is not known."""
    assert section.beta is not None
    with np.errstate(over="ignore"):
        tilt_N: np.ndarray = candidates.reward_N / section.beta
    if np.isinf(tilt_N).any():
        reward = float(candidates.reward_N[np.isinf(tilt_N)][0])
        raise AcceptanceError(
            f"filter.beta = {section.beta:g}: reward/beta of a reward of {reward:g} is beyond the "
            "range of a float; raise it, or set filter.rule to 'best_of_n', which is its limit"
        )
    return tilt_N


def _log_base(candidates: Candidates, section: FilterSection) -> np.ndarray:
    """Log of the base measure; a number 0 for the uniform one."""
    measures = {
        "uniform": np.zeros(()),
        "proposal": candidates.proposal_logprob_N,
        "reference": candidates.reference_logprob_N,
        "density": candidates.density_N,
    }
    measure = measures[section.base_measure]
    assert measure is not None
    return measure


def _require(
    name: str,
    value_N: np.ndarray,
    candidates: Candidates,
    in_support_N: np.ndarray,
    section: FilterSection,
) -> None:
    """Refuses a ratio with a part that is not known, where it would matter.

    Of those that lack it the first is named, whatever slice of a round is decided.
    """
    unknown = np.flatnonzero(np.isnan(value_N) & in_support_N)
    if not len(unknown):
        return
    prompt_id = candidates.prompt_ids[candidates.prompt_N[unknown[0]]]
    remedies = {
        "log M": (
            "the server gave no log-probabilities of the law drawn from; draw at temperature 1 "
            "without truncation from one that does, or set filter.base_measure to 'proposal'"
        ),
        "log π_ref": (
            "they were scored without score.reference_logprob, or drawn without their tokens; set "
            "it and run again, or set filter.base_measure to 'proposal'"
        ),
    }
    raise AcceptanceError(
        f"filter.base_measure = {section.base_measure!r} needs {name}, and draw "
        f"{candidates.draw_N[unknown[0]]} of prompt {prompt_id!r} has none: {remedies[name]}"
    )
