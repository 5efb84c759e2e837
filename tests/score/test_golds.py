import re
from pathlib import Path

import pytest

from rsft.config import ScoreSection
from rsft.errors import VerifierError
from rsft.score import Rewards, Score, build_rewards, prove_on_golds
from rsft.score.exact_match import ExactMatch
from rsft.score.worked_solution import WorkedSolution
from rsft.types import Prompt
from tests.score.cases import Says, SaysAtOnce, ask, says

WORKED = Rewards({"worked_solution": (WorkedSolution(), 1.0)})


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    return tmp_path / ".rsft" / "golds.txt"


def wrong(number: int) -> Prompt:
    """Its solution gives 12 and its answer is 13."""
    return ask("13", prompt_id=f"p{number}")


def test_right_golds_pass_and_leave_no_list(listing: Path):
    both = {"worked_solution": (WorkedSolution(), 1.0), "exact_match": (ExactMatch("####"), 1.0)}
    with pytest.raises(VerifierError):
        prove_on_golds(WORKED, [wrong(0)], listing)
    prove_on_golds(Rewards(both), [ask(), ask("-2", solution="n1 - n0 = r0")], listing)
    assert not listing.exists()


def test_a_prompt_without_a_worked_solution_has_nothing_to_prove(listing: Path):
    prove_on_golds(WORKED, [ask(solution=None)], listing)


def test_the_failing_gold_is_named_with_what_was_read(listing: Path):
    message = (
        "score.rewards.worked_solution does not give 1 to the golds of 1 of 3 prompts: "
        f"'p0' (gold '13', read '12'); all of them are listed in {listing}: correct these prompts, "
        "or choose another reward"
    )
    with pytest.raises(VerifierError, match=f"^{re.escape(message)}$"):
        prove_on_golds(WORKED, [ask(), wrong(0), ask()], listing)


@pytest.mark.parametrize(("failing", "more"), [(3, ""), (4, " and 1 more"), (9, " and 6 more")])
def test_three_are_named_and_all_of_them_listed(listing: Path, failing: int, more: str):
    with pytest.raises(VerifierError) as error:
        prove_on_golds(WORKED, [wrong(number) for number in range(failing)], listing)
    assert re.findall(r"'(p\d)'", str(error.value)) == ["p0", "p1", "p2"]
    assert f"'p2' (gold '13', read '12'){more}; all" in str(error.value)
    assert listing.read_text().splitlines() == [
        f"worked_solution\tp{number}\tgold '13', read '12'" for number in range(failing)
    ]


@pytest.mark.parametrize(
    ("answer", "why"), [(None, "no gold answer, "), ("twelve", r"gold \('twelve',\), ")]
)
def test_a_prompt_that_cannot_be_judged_fails_even_without_a_solution(listing: Path, answer, why):
    with pytest.raises(VerifierError, match=rf"'p' \({why}"):
        prove_on_golds(WORKED, [ask(answer, solution=None)], listing)


class OnlyTheFirst(Says):
    """A verifier that forgets that any gold is right."""

    def score(self, prompt, completions):
        return [
            Score(reward=float(one.text == prompt.answers[0]), outcome=one.text)
            for one in completions
        ]


def test_every_gold_of_a_prompt_must_pass(listing: Path):
    rewards = Rewards({"m": (OnlyTheFirst(Score(reward=1.0)), 1.0)})
    with pytest.raises(VerifierError, match=r"'p' \(gold 'XII', read 'XII'\); all"):
        prove_on_golds(rewards, [ask("12", "XII", "twelve")], listing)
    assert [line.split("\t")[2] for line in listing.read_text().splitlines()] == [
        "gold 'XII', read 'XII'",
        "gold 'twelve', read 'twelve'",
    ]
    prove_on_golds(Rewards({"m": (ExactMatch(), 1.0)}), [ask("12", "XII", "twelve")], listing)


def test_a_reward_below_1_is_not_enough(listing: Path):
    with pytest.raises(VerifierError, match=r"score\.rewards\.half does not give 1"):
        prove_on_golds(Rewards({"half": (says(0.5), 1.0)}), [ask()], listing)


@pytest.mark.parametrize("weight", [1e-9, 0.0])
def test_each_verifier_is_proved_alone(listing: Path, weight: float):
    rewards = Rewards({"right": (says(1.0), 1.0), "broken": (says(0.0), weight)})
    with pytest.raises(VerifierError, match=r"score\.rewards\.broken"):
        prove_on_golds(rewards, [ask()], listing)


def test_a_model_has_nothing_to_prove_and_is_not_asked(listing: Path):
    model = SaysAtOnce(Score(reward=0.0))
    prove_on_golds(Rewards({"model": (model, 1.0)}), [ask()], listing)
    assert model.asked == []


def test_a_function_of_the_user_s_is_imported(
    listing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    rewards = build_rewards(ScoreSection(rewards={"nowhere:score": 1}))
    with pytest.raises(VerifierError, match="'nowhere:score' cannot be imported"):
        prove_on_golds(rewards, [ask()], listing)


def test_prompts_may_come_from_an_iterator(listing: Path):
    """The second reward must see them too."""
    rewards = Rewards({"right": (says(1.0), 1.0), "broken": (says(0.0), 1.0)})
    with pytest.raises(VerifierError, match=r"score\.rewards\.broken"):
        prove_on_golds(rewards, iter([ask()]), listing)


def test_an_id_is_one_line_of_the_list(listing: Path):
    with pytest.raises(VerifierError):
        prove_on_golds(WORKED, [ask("13", prompt_id="a\tb\nc")], listing)
    assert listing.read_text().count("\n") == 1
