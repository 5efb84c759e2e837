"""What the gate says of figures: each check by itself, and how they come together."""

from dataclasses import replace
from typing import Any

import pytest

from rsft.errors import LineageError
from rsft.promotion.gate import judge
from rsft.promotion.verdict import Approval, Check, Verdict
from tests.promotion.cases import POLICY, PROMPTS, exam, greedy, policy

PASSED = Check(name="audit", passed=True, told="all proven")


def judged(ours: int, theirs: int, **changes: Any) -> Verdict:
    """So many of 80 evaluation prompts right against so many; 40 of the guard's for both."""
    guard = {"guard": (40, 40)} | changes.pop("guards", {})
    settings: dict[str, Any] = {
        "name": "rsft",
        "version": 2,
        "against": 1,
        "policy": policy(),
        "judgement": "j1",
        "run_checks": [PASSED],
        "approval": None,
    }
    unscored, look = changes.pop("unscored", 0), changes.pop("look", 1)
    settings["looks"] = {"eval": look, **dict.fromkeys(guard, changes.pop("guard_look", 1))}
    return judge(
        exam(*guard),
        {"eval": greedy(ours, unscored=unscored)}
        | {n: greedy(o, n) for n, (o, _) in guard.items()},
        {"eval": greedy(theirs)} | {name: greedy(t, name) for name, (_, t) in guard.items()},
        **(settings | changes),
    )


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def test_what_is_shown_to_be_better_is_promoted():
    """14 prompts won and none lost, in 7 families of two: one-sided p = 2⁻¹⁴, and 2⁻⁷."""
    verdict = judged(54, 40)
    assert (verdict.outcome, verdict.is_promoted) == ("promoted", True)
    assert [check.name for check in verdict.checks] == ["audit", "scorable", "gain", "guard guard"]
    assert (verdict.gain.better, verdict.gain.worse) == (14, 0)
    assert verdict.gain.p_families == pytest.approx(2**-7)
    assert verdict.reason.startswith("promoted: +17.5 points [")
    assert verdict.reason.endswith(
        "], 14 won and 0 lost of 80 (p = 6.1e-05, by 40 families 0.0078) against champion version 1"
    )
    assert (verdict.evaluation, verdict.judgement) == ("f1", "j1")
    assert verdict.prompts == {"eval": "e1", "guard": "g1"}
    assert verdict.looks == {"eval": 1, "guard": 1}
    assert verdict.gain.level == 0.025
    assert verdict.guards["guard"].figures.level == 0.05


def test_a_very_small_p_is_told_as_less_than_that():
    """All 80 prompts won: p = 2⁻⁸⁰, and 2⁻⁴⁰ by family."""
    assert "80 won and 0 lost of 80 (p < 1e-06, by 40 families < 1e-06)" in judged(80, 0).reason


def test_a_later_look_needs_more():
    """2⁻⁷ is below 0.05/6, and above 0.05/12."""
    assert [judged(54, 40, look=look).is_promoted for look in (1, 2, 3)] == [True, True, False]
    verdict = judged(54, 40, look=3)
    assert failed(verdict) == ["gain"]
    assert "look 3, level 0.0042; not shown to be better: " in verdict.reason
    assert "p by family is above the level" in verdict.reason


@pytest.mark.parametrize(("ours", "theirs"), [(40, 40), (44, 40), (40, 54)])
def test_what_is_not_shown_to_be_better_is_not(ours: int, theirs: int):
    """Four won and none lost in two families: p = 1/16, and 1/4."""
    verdict = judged(ours, theirs)
    assert verdict.outcome == "not promoted"
    assert failed(verdict) == ["gain"]
    assert verdict.reason.startswith("not promoted against champion version 1: gain: ")


def test_a_gain_that_matters_to_nobody_is_not_promoted():
    much = POLICY.replace("least: 0.01", "least: 0.2")
    verdict = judged(54, 40, policy=policy(much))
    assert failed(verdict) == ["gain"]
    assert verdict.reason.endswith("not shown to be better: it is less than 20 points")


def test_without_a_champion_the_base_is_what_must_be_beaten():
    assert judged(54, 40, against=None).reason.endswith("against the base")


def test_a_guard_set_that_is_lost_stops_it():
    verdict = judged(70, 40, guards={"guard": (20, 40)})
    assert failed(verdict) == ["guard guard"]
    assert "guard guard: -25.0 points, at least -" in verdict.reason
    assert verdict.guards["guard"].has_say


def test_a_guard_set_too_small_for_its_margin_says_with_which_power():
    """Nothing lost of 80 prompts: √2/82 times 1.685 is at most 2.9 points."""
    narrow = policy(POLICY.replace("margin: 0.05", "margin: 0.02"))
    verdict = judged(70, 40, policy=narrow)
    assert failed(verdict) == ["guard guard"]
    told = verdict.checks[-1].told
    assert told.startswith(
        "+0.0 points, at least -2.9, may lose 2; look 1, level 0.05; an equal model would pass "
    )
    assert verdict.guards["guard"].figures.power == pytest.approx(0.30, abs=0.02)


def test_a_guard_set_that_the_champion_cannot_solve_is_told_and_has_no_say():
    """3 of 80 is less than 5%, 4 is not."""
    for right, has_say in ((3, False), (4, True)):
        verdict = judged(70, 40, guards={"guard": (0, right)})
        assert verdict.guards["guard"].has_say == has_say
        assert ("guard guard" in [check.name for check in verdict.checks]) == has_say
        assert verdict.guards["guard"].figures.worse == right
        assert failed(verdict) == (["guard guard"] if has_say else [])


def test_looks_at_a_guard_set_spend_its_own_level():
    """At 0.05 a guard set of which 1 in 80 is lost is held, at 0.1/(20·21) it is not."""
    first, late = (judged(70, 40, guards={"guard": (39, 40)}, guard_look=k) for k in (1, 20))
    assert first.is_promoted
    assert failed(late) == ["guard guard"]
    assert late.guards["guard"].figures.level == pytest.approx(0.1 / 420)
    assert late.looks == {"eval": 1, "guard": 20}
    assert "may lose 5; look 20, level 0.00024; " in late.reason


def test_a_guard_set_of_no_prompts_or_that_nobody_could_score_is_not_passed():
    for theirs in ([], greedy(40, "guard", unscored=PROMPTS)):
        ours = greedy(40, "guard") if theirs else []
        verdict = judge(
            exam("guard"),
            {"eval": greedy(70), "guard": ours} if ours else {"eval": greedy(70)},
            {"eval": greedy(40), "guard": theirs} if ours else {"eval": greedy(40)},
            name="rsft",
            version=2,
            against=1,
            policy=policy(),
            judgement="j1",
            looks={"eval": 1, "guard": 1},
            run_checks=[],
            approval=None,
        )
        assert failed(verdict)[-1] == "guard guard"
        assert verdict.guards["guard"].share is None
        assert verdict.checks[-1].told == "no prompt was scored for both"


def test_a_champion_that_answered_no_such_set_is_not_compared():
    with pytest.raises(LineageError, match="are not to the same prompts"):
        judge(
            exam("guard"),
            {"eval": greedy(70), "guard": greedy(40, "guard")},
            {"eval": greedy(40)},
            name="rsft",
            version=2,
            against=1,
            policy=policy(),
            judgement="j1",
            looks={"eval": 1, "guard": 1},
            run_checks=[],
            approval=None,
        )


def test_what_is_all_of_one_family_speaks_of_that_alone():
    ours, theirs = ([replace(row, family="only") for row in greedy(right)] for right in (54, 40))
    verdict = judge(
        exam(),
        {"eval": ours},
        {"eval": theirs},
        name="rsft",
        version=2,
        against=1,
        policy=policy(),
        judgement="j1",
        looks={"eval": 1},
        run_checks=[],
        approval=None,
    )
    assert verdict.gain.families == 1
    assert "all of one family, of which alone it speaks)" in verdict.reason


def test_every_guard_set_counts():
    verdict = judged(70, 40, guards={"first": (40, 40), "second": (10, 40), "third": (0, 40)})
    assert failed(verdict) == ["guard second", "guard third"]


def test_what_cannot_be_scored_is_limited():
    """2% of 80 prompts is one."""
    assert judged(70, 40, unscored=1).is_promoted
    verdict = judged(70, 40, unscored=2)
    assert failed(verdict) == ["scorable"]
    assert "not scored for both: eval 2 of 80, guard 0 of 80; at most 2.0%" in verdict.reason


def test_without_a_prompt_that_both_were_scored_on_nothing_is_shown():
    verdict = judged(70, 40, unscored=PROMPTS)
    assert failed(verdict) == ["scorable", "gain"]
    assert verdict.gain is None
    assert "gain: no prompt was scored for both" in verdict.reason


def test_a_guard_set_on_which_the_challenger_cannot_be_scored_is_not_passed():
    ours = {"eval": greedy(70), "guard": greedy(40, "guard", unscored=PROMPTS)}
    theirs = {"eval": greedy(40), "guard": greedy(40, "guard")}
    verdict = judge(
        exam("guard"),
        ours,
        theirs,
        name="rsft",
        version=2,
        against=1,
        policy=policy(),
        judgement="j1",
        looks={"eval": 1, "guard": 1},
        run_checks=[],
        approval=None,
    )
    assert failed(verdict) == ["scorable", "guard guard"]
    assert verdict.guards["guard"].figures is None


def test_a_run_that_fails_a_check_is_not_promoted_however_good():
    check = Check(name="audit", passed=False, told="object: data/x: expected a, found b")
    verdict = judged(80, 40, run_checks=[check])
    assert verdict.outcome == "not promoted"
    assert verdict.reason.endswith("against champion version 1: audit: " + check.told)
    assert verdict.gain is not None, "the report is to say all"


ASKING = POLICY.replace("required: false", "required: true")


def test_a_person_has_the_last_word_where_the_policy_asks_for_one():
    verdict = judged(70, 40, policy=policy(ASKING))
    assert (verdict.outcome, verdict.is_promoted) == ("awaits approval", False)
    assert verdict.reason.startswith("awaits approval: +37.5 points")
    said = Approval(by="Ann", is_approved=True, reason="tried it")
    verdict = judged(70, 40, policy=policy(ASKING), approval=said)
    assert verdict.outcome == "promoted"
    assert verdict.reason.endswith("champion version 1, approved by Ann: tried it")
    said = Approval(by="Bob", is_approved=False, reason="")
    verdict = judged(70, 40, policy=policy(ASKING), approval=said)
    assert verdict.outcome == "not promoted"
    assert verdict.reason.endswith("approval: declined by Bob")


def test_a_person_is_not_asked_about_what_is_not_shown_and_cannot_force_it():
    said = Approval(by="Ann", is_approved=True, reason="")
    for approval in (None, said):
        verdict = judged(40, 40, policy=policy(ASKING), approval=approval)
        assert verdict.outcome == "not promoted"


def test_answers_to_other_prompts_are_not_compared():
    with pytest.raises(LineageError, match="are not to the same prompts"):
        judge(
            exam(),
            {"eval": greedy(70)},
            {"eval": greedy(40)[1:]},
            name="rsft",
            version=2,
            against=1,
            policy=policy(),
            judgement="j1",
            looks={"eval": 1},
            run_checks=[],
            approval=None,
        )


def test_a_verdict_is_plain_json_and_the_same_each_time():
    import json

    first, again = judged(54, 40).as_dict(), judged(54, 40).as_dict()
    assert json.loads(json.dumps(first, allow_nan=False))["gain"] == again["gain"]
    assert first == again
    assert first["is_promoted"] is True
