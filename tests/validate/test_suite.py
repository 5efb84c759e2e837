"""Every expectation of the suite is broken by one corruption, which breaks nothing else."""

import math
from collections.abc import Callable

import pyarrow as pa
import pytest

from rsft.ledger import schema_of
from rsft.types import Decided
from rsft.validate.engine import spoken_columns, suite_expectations
from tests.validate.cases import Case, good_row, ranked_case

NAN = float("nan")
TINY = 1e-10
"""Less than what rounding may do to A and to a weight."""


def draw_a_third_and_fourth(case: Case) -> None:
    case.set(2, prompt_id="p0", text="n0 - n1 = r0")
    case.set(3, prompt_id="p0", text="n1 - n0 = r0")


def keep_too_many(case: Case) -> None:
    case.rows = [good_row(n) for n in range(21)]


def known(column: str) -> Callable[[Case], None]:
    return lambda case: case.set(3, **{column: None})


def typed(column: str, type_: pa.DataType) -> Callable[[Case], None]:
    return lambda case: case.types.update({column: type_})


def bools_as_numbers(column: str) -> Callable[[Case], None]:
    """What a check of values alone lets pass: 1 is ``True``."""
    return typed(column, pa.int64())


Corruptions = dict[str, tuple[Callable[[Case], None], tuple[int, ...]]]

CORRUPTIONS: Corruptions = {
    "columns": (lambda case: case.extra.update(surprise=1), ()),
    "prompt_id-known": (known("prompt_id"), (3,)),
    "round-known": (known("round"), (3,)),
    "draw-known": (known("draw"), (3,)),
    "policy_version-known": (known("policy_version"), (3,)),
    "text-known": (known("text"), (3,)),
    "finish_reason-known": (known("finish_reason"), (3,)),
    "reward-known": (known("reward"), (3,)),
    "score_status-known": (known("score_status"), (3,)),
    "is_accepted-known": (known("is_accepted"), (3,)),
    "reason-known": (known("reason"), (3,)),
    "weight-known": (known("weight"), (3,)),
    "token_count-known": (known("token_count"), (3,)),
    "proposal_logprob-known": (known("proposal_logprob"), (3,)),
    "log_bound-known": (known("log_bound"), (3,)),
    "log_accept_ratio-known": (known("log_accept_ratio"), (3,)),
    "accept_prob-known": (known("accept_prob"), (3,)),
    "prompt_id-typed": (typed("prompt_id", pa.binary()), ()),
    "round-typed": (typed("round", pa.int32()), ()),
    "draw-typed": (typed("draw", pa.float64()), ()),
    "policy_version-typed": (typed("policy_version", pa.binary()), ()),
    "text-typed": (typed("text", pa.binary()), ()),
    "token_count-typed": (typed("token_count", pa.float64()), ()),
    "finish_reason-typed": (typed("finish_reason", pa.binary()), ()),
    "proposal_logprob-typed": (typed("proposal_logprob", pa.float32()), ()),
    "policy_logprob-typed": (typed("policy_logprob", pa.float32()), ()),
    "reward-typed": (typed("reward", pa.int64()), ()),
    "score_status-typed": (typed("score_status", pa.binary()), ()),
    "score_note-typed": (typed("score_note", pa.int64()), ()),
    "reference_logprob-typed": (typed("reference_logprob", pa.int64()), ()),
    "is_canonical-typed": (bools_as_numbers("is_canonical"), ()),
    "log_target-typed": (typed("log_target", pa.float32()), ()),
    "log_bound-typed": (typed("log_bound", pa.float32()), ()),
    "log_accept_ratio-typed": (typed("log_accept_ratio", pa.float32()), ()),
    "accept_prob-typed": (typed("accept_prob", pa.float32()), ()),
    "coin-typed": (typed("coin", pa.float32()), ()),
    "is_accepted-typed": (bools_as_numbers("is_accepted"), ()),
    "reason-typed": (typed("reason", pa.binary()), ()),
    "weight-typed": (typed("weight", pa.float32()), ()),
    "one-round": (lambda case: case.set(3, round=2), ()),
    "one-policy": (lambda case: case.set(3, policy_version="def"), ()),
    "text-not-blank": (lambda case: case.set(3, text=" \n"), (3,)),
    "tokens-within-cap": (lambda case: case.set(3, token_count=9), (3,)),
    "not-truncated": (lambda case: case.set(3, finish_reason="length"), (3,)),
    "scored": (lambda case: case.set(3, score_status="unscorable"), (3,)),
    "no-score-note": (lambda case: case.set(3, score_note="judge: no verdict"), (3,)),
    "no-nan": (lambda case: case.set(3, log_target=NAN), (3,)),
    "logprob-in-range": (lambda case: case.set(3, proposal_logprob=0.1), (3,)),
    "policy-logprob-in-range": (lambda case: case.set(3, policy_logprob=0.1), (3,)),
    "reference-logprob-in-range": (lambda case: case.set(3, reference_logprob=0.1), (3,)),
    "reward-in-range": (lambda case: case.set(3, reward=1.5), (3,)),
    "accept-prob-in-range": (
        lambda case: case.set(3, accept_prob=0.0, log_accept_ratio=-1000.0, coin=None, weight=TINY),
        (3,),
    ),
    "accept-prob-follows": (lambda case: case.set(3, log_accept_ratio=-0.6), (3,)),
    "coin-below-accept-prob": (lambda case: case.set(3, coin=case.rows[3].accept_prob), (3,)),
    "weight-in-range": (
        lambda case: case.set(
            3, accept_prob=TINY, log_accept_ratio=math.log(TINY), coin=None, weight=0.0
        ),
        (3,),
    ),
    "weight-follows": (lambda case: case.set(3, weight=0.9), (3,)),
    "accepted": (lambda case: case.set(3, is_accepted=False), (3,)),
    "accepted-by-reason": (lambda case: case.set(3, reason="coin"), (3,)),
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
    ("accept-prob-in-range", lambda case: case.set(3, accept_prob=1 + TINY, log_accept_ratio=0.0)),
    ("weight-in-range", lambda case: case.set(3, weight=1 + TINY)),
    ("row-count", lambda case: case.rows.__delitem__(slice(9, None))),
    ("acceptance-rate", lambda case: setattr(case, "candidates", 121)),
]
"""The limits that ``CORRUPTIONS`` leaves out, where an expectation has two."""


def failures(case: Case) -> dict[str, tuple[int, ...]]:
    return case.judge().rows


def test_good_rows_meet_every_expectation() -> None:
    verdict = Case().judge().verdict
    assert (verdict.success, verdict.failed, verdict.warnings) == (True, (), ())
    assert verdict.evaluated == len(CORRUPTIONS)


def test_every_expectation_has_a_corruption() -> None:
    assert list(CORRUPTIONS) == [e["meta"]["id"] for e in suite_expectations(has_bound=True)]


def test_what_a_server_may_not_tell_and_the_acceptance_rate_are_warnings() -> None:
    severities = {e["meta"]["id"]: e["severity"] for e in suite_expectations(has_bound=True)}
    warnings = {name for name, severity in severities.items() if severity == "warning"}
    assert warnings == {"token_count-known", "proposal_logprob-known", "acceptance-rate"}


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


UNUSED: Corruptions = {
    "log_bound-unused": (lambda case: case.set(3, log_bound=2.0), (3,)),
    "log_accept_ratio-unused": (lambda case: case.set(3, log_accept_ratio=-0.5), (3,)),
    "accept_prob-unused": (lambda case: case.set(3, accept_prob=1.0), (3,)),
}
"""What rules without a bound leave empty."""

RANKED: Corruptions = {**UNUSED, "weight-follows": (lambda case: case.set(3, weight=0.5), (3,))}


def test_rows_of_a_rule_without_a_bound_meet_every_expectation() -> None:
    verdict = ranked_case().judge().verdict
    assert (verdict.success, verdict.failed, verdict.warnings) == (True, (), ())
    ids = [e["meta"]["id"] for e in suite_expectations(has_bound=False)]
    assert verdict.evaluated == len(ids)
    known = {name.replace("-unused", "-known") for name in UNUSED}
    assert {*CORRUPTIONS} - {*ids} == known
    assert {*ids} - {*CORRUPTIONS} == {*UNUSED}


@pytest.mark.parametrize("expectation", RANKED)
def test_corruption_of_a_rule_without_a_bound(expectation: str) -> None:
    case = ranked_case()
    corrupt, rows = RANKED[expectation]
    corrupt(case)
    assert failures(case) == {expectation: rows}


def test_the_columns_that_expectations_speak_of() -> None:
    kwargs = [
        {"column": "a", "min_value": 1},
        {"column_A": "b", "column_B": "c"},
        {"column_list": ["d", "e"]},
        {"column_set": ["f"]},
    ]
    assert spoken_columns([{"kwargs": each} for each in kwargs]) == {*"abcde"}


def test_a_soft_weight_is_the_accept_probability() -> None:
    case = Case()
    case.set_all(coin=None, weight=case.rows[0].accept_prob)
    assert failures(case) == {}


@pytest.mark.parametrize(("column", "type_"), [("prompt_id", pa.binary()), ("coin", pa.string())])
def test_a_column_of_another_type_may_hide_a_leak_but_never_passes(
    column: str, type_: pa.DataType
) -> None:
    case = Case(types={column: type_})
    case.set(3, prompt_id="evaluation-1")
    assert f"{column}-typed" in failures(case)


def test_the_type_of_every_column_that_others_are_derived_from_is_judged() -> None:
    """Where one is not of its type the derived ones are null, and what speaks of them passes."""
    derived_from = {f.name for f in schema_of(Decided) if pa.types.is_floating(f.type)}
    ids = {e["meta"]["id"] for e in suite_expectations(has_bound=False)}
    assert {f"{name}-typed" for name in derived_from | {"prompt_id"}} <= ids


def test_nulls_do_not_make_numbers_of_another_type() -> None:
    case = Case()
    case.set(3, token_count=None)
    case.set(4, is_canonical=None)
    assert failures(case) == {"token_count-known": (3,)}
