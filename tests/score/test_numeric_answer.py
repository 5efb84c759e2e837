import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft.config import NumericAnswerSection
from rsft.score import numeric_answer
from rsft.score.numeric_answer import NumericAnswer
from rsft.score.reward import Score
from rsft.types import Completion
from tests.score.cases import ask
from tests.shared_data import shared_rows

PLAIN = NumericAnswer(NumericAnswerSection(symbolic=False))


def judge(text: str, *golds: str, **settings) -> Score:
    reward = NumericAnswer(NumericAnswerSection(**settings))
    return reward.score(ask(answers=golds or ("12",)), [Completion(text=text)])[0]


@pytest.mark.parametrize(
    ("completion", "outcome"),
    [
        ("7 + 5 = 12\n#### 12", "12"),
        ("#### 11, no.\n#### $12.00", "$12.00"),
        ("She has 12.\nA: 12 pens", "12 pens"),
        (r"so it is \boxed{12}", "12"),
        (r"\boxed{\frac{24}{2}} of 99", r"\frac{24}{2}"),
        ("A: 13 #### 12", "12"),
        ("In the USA: 5. She has 12 pens.", "12"),
        ("She has $12 left.", "$12"),
    ],
)
def test_the_answer_is_behind_the_first_marker_that_occurs_else_the_last_number(
    completion, outcome
):
    assert judge(completion) == Score(reward=1.0, outcome=outcome)


@pytest.mark.parametrize(
    ("completion", "outcome"),
    [
        ("#### 13", "13"),
        ("12, that is #### 13", "13"),
        ("#### 12 or 13", "12 or 13"),
        ("#### -12", "-12"),
        ("#### 12 thousand", "12 thousand"),
        ("12 pens in 2 boxes", "2"),
        ("#### 9**9**9", "9**9**9"),
        ("#### __import__('os')", "__import__('os')"),
    ],
)
def test_another_answer_is_wrong_and_shown(completion, outcome):
    assert judge(completion) == Score(reward=0.0, outcome=outcome)


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "I do not know.",
        "12 ####",
        r"12 \boxed{}",
        r"\boxed{12",
        "twelve",
        "1/0",
        "n0 + n1 = r0",
        "#### 12" + " pens" * 100,
        "#### " + "9" * 100_000,
    ],
    ids=lambda completion: completion[:12],
)
def test_a_finished_answer_without_a_number_is_wrong_not_unscorable(completion):
    assert judge(completion) == Score(reward=0.0, outcome=None)


def test_the_settings_say_where_the_number_is():
    assert judge("12 A: 13", markers=["A:"]).outcome == "13"
    assert judge("12 A: 13", markers=["Answer:", "####"]).outcome == "13"
    assert judge("A: 13\nAnswer: 12", markers=["Answer:", "A:"]).reward == 1.0
    assert judge("She has 12.", last_number=False) == Score(reward=0.0)
    assert judge("12.1").reward == 0.0
    assert judge("12.1", relative_tolerance=0.01).reward == 1.0
    assert judge("12.2", relative_tolerance=0.01).reward == 0.0


def test_any_gold_answer_is_right():
    assert judge("#### 3/4", "1", "0.75").reward == 1.0
    assert judge("#### x/2", "0.75", r"\frac{x}{2}").reward == 1.0
    assert judge("#### 1", "0.75", r"\frac{x}{2}").reward == 0.0


@pytest.mark.parametrize(
    ("completion", "gold", "reward"),
    [
        (r"\boxed{\frac{x}{2}}", "0.5x", 1.0),
        (r"\boxed{2\sqrt{3}}", r"\sqrt{12}", 1.0),
        (r"\boxed{\sqrt{144}}", "12", 1.0),
        (r"\boxed{\frac{x}{3}}", "0.5x", 0.0),
        ("#### 12", r"\sqrt{144}", 1.0),
    ],
)
def test_what_is_no_plain_number_is_compared_symbolically(completion, gold, reward):
    assert judge(completion, gold).reward == reward


@pytest.mark.parametrize(
    ("completion", "golds"),
    [
        ("#### 12", ("12",)),
        ("#### 13", ("12", "1/2")),
        ("I have 13", ("12",)),
        ("none", ("x", "12")),
    ],
)
def test_math_verify_is_not_asked_where_there_are_numbers_to_compare(
    completion, golds, monkeypatch
):
    """It takes thousands of times the time."""
    monkeypatch.setattr(numeric_answer, "read_expression", None)
    assert judge(completion, *golds).status == "ok"


@pytest.mark.parametrize(
    ("golds", "settings", "note"),
    [
        ((), {}, "the prompt has no gold answer"),
        (("twelve",), {"symbolic": False}, "no gold answer of the prompt is a number"),
        (("?",), {}, "no gold answer of the prompt is a number"),
    ],
)
def test_without_a_gold_number_nothing_can_be_judged(golds, settings, note):
    reward = NumericAnswer(NumericAnswerSection(**settings))
    scores = reward.score(ask(answers=golds), [Completion(text="12"), Completion(text="")])
    assert [(s.reward, s.status, s.note) for s in scores] == [(None, "unscorable", note)] * 2


def test_a_scorer_crash_is_not_0(monkeypatch):
    def crash(*_):
        raise RecursionError

    monkeypatch.setattr(numeric_answer, "is_same_expression", crash)
    score = judge(r"\boxed{\sqrt{x}}")
    assert (score.reward, score.status, score.outcome) == (None, "unscorable", r"\sqrt{x}")
    assert score.note == "Math-Verify fails to compare it (RecursionError)"


@pytest.mark.parametrize("answer", ["9^{9^9}", r"\sum_{i=1}^{9} i", "(" * 50 + "x"])
def test_what_would_take_too_long_is_unscorable_not_0(answer):
    score = judge(rf"\boxed{{{answer}}}")
    assert (score.reward, score.status, score.outcome) == (None, "unscorable", answer)
    assert score.note == "the answer is too large an expression to be compared"


@pytest.mark.parametrize("marker", ["", "#### ", "A: ", r"\boxed{"])
@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "__import__('os').system('true')",
        "(" * 100_000,
        "[]" * 50_000,
        "9" * 100_000,
        "9," * 50_000,
        "1/" * 50_000,
        "12\u202e21\u2066\u2069",
        "21\x00",
        "\x00" * 100_000,
        r"\boxed{" * 15_000,
        "####" * 25_000,
        "A:" * 50_000,
        "１２",
        "١٢",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_hostile_completions_are_judged_at_once_and_wrong(text, marker):
    start = time.process_time()
    score = judge(marker + text)
    assert time.process_time() - start < 5
    assert score.reward in (0.0, None)
    assert score.reward == 0.0 or score.note


def test_digits_that_are_not_ascii_are_no_number():
    """As in prompts: what a reader would take for another number than the tokens say is none."""
    for text in ("#### ١٢", "#### １２", "١٢", "#### 1２"):
        assert judge(text).reward == 0.0


def test_digits_are_read_in_the_order_written_whatever_direction_they_are_shown_in():
    assert judge("\u202e12").reward == 1.0
    assert judge("\u202e21").reward == 0.0


@settings(max_examples=200)
@given(st.text() | st.text("0123456789.,/-+$%#A: \n\u202e\x00"))
def test_any_text_is_judged(text):
    score = PLAIN.score(ask(), [Completion(text=text)])[0]
    assert score.reward in (0.0, 1.0)


@pytest.mark.parametrize(
    ("markers", "gold"),
    [
        (["####", "A:"], "#### $12"),
        ([r"\boxed{}"], r"\boxed{$12}"),
        ([], "$12"),
    ],
)
def test_the_gold_completion_is_right(markers, gold):
    reward = NumericAnswer(NumericAnswerSection(markers=markers))
    assert reward.gold(ask("$12")) == gold
    assert reward.score(ask("$12"), [Completion(text=gold)])[0].reward == 1.0
    assert reward.gold(ask(None)) is None


@pytest.mark.parametrize("section", [{}, {"symbolic": False}, {"last_number": False}])
def test_all_labels_of_gsm8k_model_solutions_are_reproduced(section):
    """5,276 of 5,276: 1,319 problems by four models, of which 2,001 are right."""
    reward = NumericAnswer(NumericAnswerSection(**section))
    labels, rewards = [], []
    for row in shared_rows("gsm8k/example_model_solutions.jsonl"):
        solutions = [row[key] for key in row if key.startswith(("6b_", "175b_"))]
        prompt = ask(row["ground_truth"].rpartition("A:")[2].strip())
        scores = reward.score(prompt, [Completion(text=each["solution"]) for each in solutions])
        labels += [float(each["is_correct"]) for each in solutions]
        rewards += [score.reward for score in scores]
    assert (len(labels), sum(labels)) == (5276, 2001)
    assert rewards == labels
