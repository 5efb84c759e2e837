"""Every expectation of the suite is broken by one corruption, which breaks nothing else."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rsft.types import Decided
from rsft.validate.engine import suite_expectations
from tests.validate.cases import Case, good_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted(Decided):
    """A decision with a column that the suite has not been told of."""

    surprise: int


def add_a_column(case: Case) -> None:
    case.rows = [
        Drifted(**{f.name: getattr(row, f.name) for f in dataclasses.fields(row)}, surprise=1)
        for row in case.rows
    ]


def draw_a_third_and_fourth(case: Case) -> None:
    case.set(2, prompt_id="p0", text="n0 - n1 = r0")
    case.set(3, prompt_id="p0", text="n1 - n0 = r0")


def keep_too_many(case: Case) -> None:
    case.rows = [good_row(n) for n in range(21)]


def known(column: str) -> Callable[[Case], None]:
    return lambda case: case.set(3, **{column: None})


def typed(column: str, value: object) -> Callable[[Case], None]:
    return lambda case: case.set(3, **{column: value})


CORRUPTIONS: dict[str, tuple[Callable[[Case], None], tuple[int, ...]]] = {
    "columns": (add_a_column, ()),
    "prompt_id-known": (known("prompt_id"), (3,)),
    "round-known": (known("round"), (3,)),
    "draw-known": (known("draw"), (3,)),
    "policy_version-known": (known("policy_version"), (3,)),
    "text-known": (known("text"), (3,)),
    "token_count-known": (known("token_count"), (3,)),
    "finish_reason-known": (known("finish_reason"), (3,)),
    "proposal_logprob-known": (known("proposal_logprob"), (3,)),
    "reward-known": (lambda case: case.set(3, reward=float("nan")), (3,)),
    "score_status-known": (known("score_status"), (3,)),
    "accept_prob-known": (known("accept_prob"), (3,)),
    "is_accepted-known": (known("is_accepted"), (3,)),
    "weight-known": (known("weight"), (3,)),
    "prompt_id-typed": (typed("prompt_id", 7), (3,)),
    "round-typed": (typed("round", 1.0), (3,)),
    "draw-typed": (typed("draw", "1"), (3,)),
    "policy_version-typed": (lambda case: case.set_all(policy_version=5), tuple(range(12))),
    "text-typed": (typed("text", 12), (3,)),
    "token_count-typed": (typed("token_count", 6.0), (3,)),
    "proposal_logprob-typed": (typed("proposal_logprob", -2), (3,)),
    "reward-typed": (typed("reward", True), (3,)),
    "accept_prob-typed": (typed("accept_prob", 1), (3,)),
    "weight-typed": (typed("weight", 1), (3,)),
    "one-round": (lambda case: case.set(3, round=2), ()),
    "one-policy": (lambda case: case.set(3, policy_version="def"), ()),
    "text-not-blank": (lambda case: case.set(3, text=" \n"), (3,)),
    "tokens-within-cap": (lambda case: case.set(3, token_count=9), (3,)),
    "not-truncated": (lambda case: case.set(3, finish_reason="length"), (3,)),
    "scored": (lambda case: case.set(3, score_status="unscorable"), (3,)),
    "logprob-in-range": (lambda case: case.set(3, proposal_logprob=0.1), (3,)),
    "reward-in-range": (lambda case: case.set(3, reward=1.5), (3,)),
    "accept-prob-in-range": (lambda case: case.set(3, accept_prob=0.0), (3,)),
    "weight-in-range": (lambda case: case.set(3, weight=0.0), (3,)),
    "accepted": (lambda case: case.set(3, is_accepted=False), (3,)),
    "no-duplicates": (lambda case: case.set(3, text=case.rows[2].text), (2, 3)),
    "cap-per-prompt": (draw_a_third_and_fourth, (0, 1, 2, 3)),
    "no-leak": (lambda case: case.set(3, prompt_id="evaluation-1"), (3,)),
    "row-count": (keep_too_many, ()),
    "acceptance-rate": (lambda case: setattr(case, "candidates", 13), ()),
}
"""By id of an expectation: what breaks it alone, and the numbers of the rows that then fail."""

OTHER_ENDS: list[tuple[str, Callable[[Case], None]]] = [
    ("tokens-within-cap", lambda case: case.set(3, token_count=0)),
    ("logprob-in-range", lambda case: case.set(3, proposal_logprob=float("-inf"))),
    ("reward-in-range", lambda case: case.set(3, reward=-0.1)),
    ("accept-prob-in-range", lambda case: case.set(3, accept_prob=1.01)),
    ("weight-in-range", lambda case: case.set(3, weight=1.01)),
    ("row-count", lambda case: case.rows.__delitem__(slice(9, None))),
    ("acceptance-rate", lambda case: setattr(case, "candidates", 121)),
]
"""The limits that ``CORRUPTIONS`` leaves out, where an expectation has two."""


def failures(case: Case) -> dict[str, tuple[int, ...]]:
    verdict = case.judge()
    return {f.expectation: f.rows for f in (*verdict.failed, *verdict.warnings)}


def test_good_rows_meet_every_expectation() -> None:
    verdict = Case().judge()
    assert (verdict.success, verdict.failed, verdict.warnings) == (True, (), ())
    assert verdict.evaluated == len(CORRUPTIONS)


def test_every_expectation_has_a_corruption() -> None:
    assert list(CORRUPTIONS) == [e["meta"]["id"] for e in suite_expectations()]


def test_all_but_the_acceptance_rate_are_critical() -> None:
    severities = {e["meta"]["id"]: e["severity"] for e in suite_expectations()}
    assert severities.pop("acceptance-rate") == "warning"
    assert set(severities.values()) == {"critical"}


@pytest.mark.parametrize("expectation", CORRUPTIONS)
def test_corruption_fails_exactly_its_expectation(expectation: str) -> None:
    case = Case()
    corrupt, rows = CORRUPTIONS[expectation]
    corrupt(case)
    assert failures(case) == {expectation: rows}


@pytest.mark.parametrize(("expectation", "corrupt"), OTHER_ENDS)
def test_other_end_of_a_range(expectation: str, corrupt: Callable[[Case], None]) -> None:
    case = Case()
    corrupt(case)
    assert list(failures(case)) == [expectation]


def test_limits_are_inclusive() -> None:
    case = Case(candidates=12)
    case.limits |= {"max_tokens": 6, "max_per_prompt": 2, "min_rows": 12, "max_rows": 12}
    case.limits |= {"min_reward": 1, "max_acceptance_rate": 1}
    assert failures(case) == {}
