import re

import pytest

from rsft.errors import VerifierError
from rsft.score import Rewards, prove_on_golds
from rsft.score.exact_match import ExactMatch
from rsft.score.worked_solution import WorkedSolution
from rsft.types import Prompt
from tests.score.cases import ask, says

WORKED = Rewards({"worked_solution": (WorkedSolution(), 1.0)})


def wrong(number: int) -> Prompt:
    """Its solution gives 12 and its answer is 13."""
    return ask("13", prompt_id=f"p{number}")


def test_right_golds_pass():
    both = {"worked_solution": (WorkedSolution(), 1.0), "exact_match": (ExactMatch("####"), 1.0)}
    prove_on_golds(Rewards(both), [ask(), ask("-2", solution="n1 - n0 = r0")])


def test_a_prompt_without_a_worked_solution_has_nothing_to_prove():
    prove_on_golds(WORKED, [ask(solution=None)])


def test_the_failing_gold_is_named_with_what_was_read():
    message = (
        "score.rewards.worked_solution does not give 1 to the gold of 'p0' (gold '13', read '12'); "
        "correct these prompts, or choose another reward"
    )
    with pytest.raises(VerifierError, match=f"^{re.escape(message)}$"):
        prove_on_golds(WORKED, [ask(), wrong(0), ask()])


@pytest.mark.parametrize(("failing", "more"), [(3, ""), (4, " and 1 more"), (9, " and 6 more")])
def test_three_are_named_and_the_others_counted(failing, more):
    with pytest.raises(VerifierError) as error:
        prove_on_golds(WORKED, [wrong(number) for number in range(failing)])
    assert re.findall(r"'(p\d)'", str(error.value)) == ["p0", "p1", "p2"]
    assert f"'p2' (gold '13', read '12'){more}; correct" in str(error.value)


@pytest.mark.parametrize("answer", [None, "twelve"])
def test_a_prompt_that_cannot_be_judged_fails_even_without_a_solution(answer):
    with pytest.raises(VerifierError, match=rf"'p' \(gold {answer!r}, read None\)"):
        prove_on_golds(WORKED, [ask(answer, solution=None)])


def test_a_reward_below_1_is_not_enough():
    with pytest.raises(VerifierError, match=r"score\.rewards\.half does not give 1"):
        prove_on_golds(Rewards({"half": (says(0.5), 1.0)}), [ask()])


def test_each_reward_is_proved_alone():
    rewards = Rewards({"right": (says(1.0), 1.0), "broken": (says(0.0), 1e-9)})
    with pytest.raises(VerifierError, match=r"score\.rewards\.broken"):
        prove_on_golds(rewards, [ask()])


def test_prompts_may_come_from_an_iterator():
    """The second reward must see them too."""
    rewards = Rewards({"right": (says(1.0), 1.0), "broken": (says(0.0), 1.0)})
    with pytest.raises(VerifierError, match=r"score\.rewards\.broken"):
        prove_on_golds(rewards, iter([ask()]))
