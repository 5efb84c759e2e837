import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.prompts.worked import MAX_STEPS
from rsft.score.reward import Score
from rsft.score.worked_solution import WorkedSolution
from rsft.types import Completion
from tests.score.cases import ask
from tests.shared_data import shared_rows


def score(completion: str, answer: str | None = "12", **values) -> Score:
    return WorkedSolution().score(ask(answer, **values), [Completion(text=completion)])[0]


def wrong(steps: float, outcome: str | None = None, result: float = 0.0) -> Score:
    return Score(reward=0.0, outcome=outcome, breakdown={"steps": steps, "result": result})


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
    assert score(completion) == Score(
        reward=reward, outcome=outcome, breakdown={"steps": 1.0, "result": reward}
    )


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
        "n0 - 3 + 15 = 12",
        "n0 + n2 = r0",
        "n0 / 0 = r0",
        "__import__('os').system('true')",
        "__import__('os') + n1 = r0",
        "9**9**9",
        "9 ** 9 = r0 ; r0 ** r0 = r1",
        "9999999999 + n1 = r0",
        "n٠ + n1 = r0",
        "７ + 5 = r0",
        "n0 + n1 = r0\x00",
        "７ + 5 = 12",
        ";" * 1_000_000,
        "n0 + n1 = r0 ; " * 100_000,
        "n0" + " " * 1_000_000 + "+ n1",
        "9" * 1_000_000 + " + n1 = r0",
    ],
    ids=lambda completion: repr(completion[:30]),
)
def test_what_is_no_worked_solution_is_wrong_without_an_outcome(completion):
    assert score(completion) == wrong(steps=0.0)


@pytest.mark.parametrize(
    ("completion", "steps"),
    [
        ("n0 + n1 = r0 ;", 1 / 2),
        ("n0 - n0 = r0 ; n1 / r0 = r1", 1 / 2),
        ("n0 + n1 = r0 ; r0 + 1 = r1 ; r1 - r3 = r2 ; r2 - 1 = r3", 2 / 4),
    ],
)
def test_the_share_of_steps_up_to_the_first_that_is_none(completion, steps):
    """Those behind it may build on it."""
    assert score(completion) == wrong(steps)


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
    judged = score(completion)
    assert (judged.reward, judged.outcome) == (0.0, None)
    assert judged.breakdown["steps"] < 1


@pytest.mark.parametrize("answer", [None, "twelve", "", "1/0"])
def test_without_a_gold_number_nothing_can_be_judged(answer):
    judged = score("n0 + n1 = r0", answer=answer)
    assert (judged.reward, judged.status) == (None, "unscorable")
    assert judged.note == "no gold answer of the prompt is a number"


def test_any_gold_number_is_right():
    assert score("n0 - n1 = r0", answers=("12", "two", "2")).reward == 1.0


def test_the_gold_is_the_worked_solution():
    assert WorkedSolution().gold(ask()) == "n0 + n1 = r0"
    assert WorkedSolution().gold(ask(solution=None)) is None


@pytest.mark.parametrize(
    "completion",
    [
        "7 + 5 = 12",
        "Ann has 7 + 5 = 12 pens.",
        "She had <<7=7>>7 pens and has 7+5 = <<7+5=12>>12.",
        "First 2 * 7 = $14, so 14 − 2 = 12",
        "7 x 2 = 14; (14 + 10) ÷ 2 = 12 pens",
        "<<7*2=14>>14, and 14 - 2 = 12",
    ],
)
def test_steps_may_be_written_out(completion):
    assert score(completion) == Score(
        reward=1.0, outcome="12", breakdown={"steps": 1.0, "result": 1.0}
    )


@pytest.mark.parametrize(
    ("completion", "judged"),
    [
        ("7 + 5 = 13", wrong(0.0, "13")),
        ("7 + 4 = 12", wrong(0.0, "12", result=1.0)),
        ("7 * 2 = 15, and 15 - 3 = 12", wrong(0.5, "12", result=1.0)),
        ("7 - 5 = 2", wrong(1.0, "2")),
        ("<<7+5=12>>12 <<x+1=12>>", wrong(0.5, "12", result=1.0)),
        ("<<7+5=twelve>>", wrong(0.0)),
        ("12 / 0 = 12", wrong(0.0, "12", result=1.0)),
        ("<<9**9**9=12>>", wrong(0.0, "12", result=1.0)),
        ("<<__import__('os')=12>>", wrong(0.0, "12", result=1.0)),
        ("1/3 = 0.33, so 12 * 1 = 12", wrong(0.5, "12", result=1.0)),
    ],
)
def test_each_written_step_is_checked_exactly(completion, judged):
    assert score(completion) == judged


def test_gsm8k_has_worked_solutions():
    """The others round, or name a number that no equation gives."""
    rows = shared_rows("gsm8k/train.jsonl")
    rewards = [
        score(row["answer"], answer=row["answer"].rpartition("#### ")[2]).reward for row in rows
    ]
    assert sum(rewards) / len(rewards) > 0.98


@given(st.text() | st.text("0123456789n r;=+-*/()<>.,x$"))
def test_any_text_is_judged(text):
    judged = score(text)
    assert judged.reward in (0.0, 1.0)
    assert 0 <= judged.breakdown["steps"] <= 1


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("7 + 5 = 12\n#### 12", 1.0),
        ("7 + 5 = 12\n#### 13", 0.0),
        ("7 + 6 = 12\n#### 12", 0.0),
        ("7 - 5 = 2, and ten more are a dozen.\n#### 12", 1.0),
        ("7 + 5 = 12\n#### none", 1.0),
    ],
    ids=["both", "contradicts itself", "wrong step", "worded last step", "states no number"],
)
def test_what_stands_behind_a_marker_is_the_result(text: str, reward: float) -> None:
    assert score(text).reward == reward
