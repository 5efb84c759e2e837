import json

import pytest

from rsft.score.exact_match import ExactMatch, is_same
from rsft.score.reward import Score
from rsft.types import Completion, Prompt
from tests.score.cases import ask
from tests.shared_data import shared


def judge(completion: str, marker: str | None = None, prompt: Prompt | None = None) -> Score:
    return ExactMatch(marker).score(prompt or ask(), [Completion(text=completion)])[0]


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("$1,050.0", "1050"),
        ("1/2", "0.5"),
        ("2/4", "1/2"),
        ("-3.00", "-3"),
        ("The Eiffel Tower.", "eiffel tower"),
        ("a cat, an owl and the dog!", "cat owl and dog"),
        ("  twice\n as   much ", "twice as much"),
        ("STRASSE", "straße"),
        ("A", "a."),
        ("The", "the"),
        ("+", " + "),
        ("5 pens", "5 pens."),
    ],
)
def test_the_same(answer, gold):
    assert is_same(answer, gold)
    assert is_same(gold, answer)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("12", "21"),
        ("3", "-3"),
        ("0.3333", "1/3"),
        ("eiffel", "eiffel tower"),
        ("tower eiffel", "eiffel tower"),
        ("12 pens", "12"),
        ("theatre", "atre"),
        ("", "12"),
    ],
)
def test_not_the_same(answer, gold):
    assert not is_same(answer, gold)
    assert not is_same(gold, answer)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (".5", "5"),
        ("-$5", "5"),
        ("- 5", "5"),
        ("--5", "5"),
        ("1/0", "10"),
        ("1,5", "15"),
        ("12-5", "125"),
        ("10^5", "105"),
        ("1.2.3", "123"),
        ("3:15", "315"),
    ],
)
def test_no_number_becomes_another_by_losing_its_punctuation(answer, gold):
    assert not is_same(answer, gold)


@pytest.mark.parametrize("answer", ["the", "an", "!", "...", "B"])
def test_the_choice_a_is_not_nothing(answer):
    assert not is_same(answer, "A")


def test_two_signs_are_not_the_same_for_being_punctuation():
    assert not is_same("+", "-")


@pytest.mark.parametrize(
    "answer",
    [
        "9" * 1_000_000,
        "0." + "1" * 1_000_000,
        "1/" + "9" * 5_000,
        "1" + ",000" * 250_000,
        "$" * 1_000_000,
        "the " * 250_000,
        "\x00",
    ],
    ids=["digits", "decimals", "denominator", "thousands", "marks", "articles", "zero byte"],
)
def test_endless_and_odd_answers_are_wrong(answer):
    assert judge(answer).reward == 0.0


def test_the_answer_is_the_completion_where_there_is_no_marker():
    assert judge(" 12 ") == Score(reward=1.0, outcome="12")


@pytest.mark.parametrize("completion", ["", "  \n "])
def test_an_empty_completion_has_no_answer(completion):
    assert judge(completion) == Score(reward=0.0, outcome=None)


@pytest.mark.parametrize(
    ("completion", "outcome"),
    [
        ("7 + 5 #### 12", "12"),
        ("#### 11, no: #### 12", "12"),
        ("####12\nThis is it.", "12"),
        ("####\n\n12", "12"),
        ("12", None),
        ("12 ####", None),
        ("12 ####  \n ", None),
        ("#### 12 ####", None),
    ],
)
def test_the_answer_is_the_first_line_after_the_last_marker(completion, outcome):
    assert judge(completion, "####") == Score(reward=float(outcome is not None), outcome=outcome)


def test_a_wrong_answer_is_shown():
    assert judge("#### 11", "####") == Score(reward=0.0, outcome="11")


def test_without_a_gold_answer_nothing_can_be_judged():
    score = judge("12", prompt=ask(None))
    assert (score.reward, score.status) == (None, "unscorable")
    assert score.note == "the prompt has no gold answer"
    assert ExactMatch().gold(ask(None)) is None


@pytest.mark.parametrize(
    ("marker", "gold"), [(None, "12"), ("####", "#### 12"), ("\\boxed{}", "\\boxed{12}")]
)
def test_the_gold_completion_is_right(marker, gold):
    assert ExactMatch(marker).gold(ask()) == gold
    assert judge(gold, marker).reward == 1.0


def test_any_gold_answer_is_right():
    prompt = ask(answers=("London", "Paris", "12"))
    texts = ("paris.", "the London", "Rome", "$12", "13")
    scores = ExactMatch().score(prompt, [Completion(text=text) for text in texts])
    assert [score.reward for score in scores] == [1, 1, 0, 1, 0]


def test_webquestions_of_several_gold_answers():
    rows = json.loads(shared("webquestions/val.json").read_text(encoding="utf-8"))
    several = [row["answers"] for row in rows if len(row["answers"]) > 1]
    assert len(several) > 100
    for answers in several:
        prompt = ask(answers=tuple(answers))
        texts = [*answers, f" {answers[-1].upper()}.", "no such thing"]
        scores = ExactMatch().score(prompt, [Completion(text=text) for text in texts])
        assert [score.reward for score in scores] == [1.0] * (len(answers) + 1) + [0.0]
