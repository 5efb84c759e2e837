import pytest

from rsft.prompts.worked import MAX_STEPS
from rsft.score.reward import UNSCORABLE, Score
from rsft.score.worked_solution import WorkedSolution
from tests.score.cases import ask


def score(completion: str, **values) -> Score:
    return WorkedSolution().score(ask(**values), completion)


LAST = MAX_STEPS - 1


def squares(first: str, last: str = f"r{LAST - 1} * r{LAST - 1}") -> str:
    """As many steps as are allowed, each but the ends the square of the one before."""
    between = [f"r{i} * r{i} = r{i + 1}" for i in range(LAST - 1)]
    return " ; ".join([f"{first} = r0", *between, f"{last} = r{LAST}"])


@pytest.mark.parametrize(
    ("completion", "reward", "outcome"),
    [
        ("n0 + n1 = r0", 1.0, "12"),
        ("n0 * 2 = r0 ; r0 - 2 = r1", 1.0, "12"),
        ("n0 - n1 = r0", 0.0, "2"),
        ("n1 - n0 = r0", 0.0, "-2"),
        ("n0 / n1 = r0", 0.0, "1.4"),
        ("n1 / n0 = r0", 0.0, "5/7"),
    ],
)
def test_the_last_result_is_compared_with_the_gold_answer(completion, reward, outcome):
    assert score(completion) == Score(reward=reward, outcome=outcome)


@pytest.mark.parametrize(
    ("completion", "answer"),
    [("n1 - n0 = r0", "-2"), ("n1 / n0 = r0", "5/7"), ("n0 / n1 = r0", "$1.40")],
)
def test_gold_answers_may_be_negative_fractions_or_amounts(completion, answer):
    assert score(completion, answer=answer).reward == 1.0


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "12",
        "The answer is 12.",
        "n0 + n1 = 12",
        "n0 + n2 = r0",
        "n0 / 0 = r0",
        "n0 - n0 = r0 ; n1 / r0 = r1",
        "__import__('os').system('true')",
        "__import__('os') + n1 = r0",
        "9**9**9",
        "9 ** 9 = r0 ; r0 ** r0 = r1",
        "9999999999 + n1 = r0",
        "n٠ + n1 = r0",
        "７ + 5 = r0",
        "n0 + n1 = r0\x00",
        "n0 + n1 = r0 ;",
        ";" * 1_000_000,
        "n0 + n1 = r0 ; " * 100_000,
        "n0" + " " * 1_000_000 + "+ n1",
        "9" * 1_000_000 + " + n1 = r0",
    ],
    ids=lambda completion: repr(completion[:30]),
)
def test_what_is_no_worked_solution_is_wrong_without_an_outcome(completion):
    assert score(completion) == Score(reward=0.0, outcome=None)


@pytest.mark.parametrize(
    "completion",
    [
        squares("999999999 * 999999999"),
        squares("999999999 / 999999997"),
        squares("999999999 * 999999999", last=f"n0 - r{LAST - 1}"),
        squares("0.000000001 * 0.000000001"),
    ],
    ids=["large", "fraction", "negative", "small"],
)
def test_results_beyond_all_reason_are_wrong(completion):
    """Of 37,000 digits, which Python refuses to write down or needs seconds for."""
    assert score(completion) == Score(reward=0.0, outcome=None)


@pytest.mark.parametrize("answer", [None, "twelve", "", "1/0"])
def test_without_a_gold_number_nothing_can_be_judged(answer):
    assert score("n0 + n1 = r0", answer=answer) == UNSCORABLE


def test_the_gold_is_the_worked_solution():
    assert WorkedSolution().gold(ask()) == "n0 + n1 = r0"
    assert WorkedSolution().gold(ask(solution=None)) is None
