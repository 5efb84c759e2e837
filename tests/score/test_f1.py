import json

import pytest

from rsft.score.f1 import F1
from rsft.score.reward import Score
from rsft.types import Completion
from tests.score.cases import ask
from tests.shared_data import shared


def f1(answer: str, *golds: str) -> float:
    return F1().score(ask(answers=golds), [Completion(text=answer)])[0].reward


@pytest.mark.parametrize(
    ("answer", "gold", "value"),
    [
        ("the Eiffel Tower", "Eiffel tower.", 1.0),
        ("tower Eiffel", "eiffel tower", 1.0),
        ("a tall tower in Paris", "Eiffel tower", 2 * 1 / (4 + 2)),
        ("red red blue", "red red red", 2 * 2 / (3 + 3)),
        ("red", "red red red", 2 * 1 / (1 + 3)),
        ("blue", "red", 0.0),
        ("$1,050.0 in cash", "1050", 2 * 1 / (3 + 1)),
        ("12-5", "125", 0.0),
        ("1.25", "125", 0.0),
        ("the", "the", 1.0),
    ],
)
def test_words_in_common(answer, gold, value):
    assert f1(answer, gold) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("answer", "gold", "value"), [("", "", 1.0), ("Paris", "", 0.0), ("", "Paris", 0.0)]
)
def test_no_answer_is_right_only_where_there_is_none(answer, gold, value):
    assert f1(answer, gold) == value


def test_the_best_gold_counts():
    assert f1("the city of London", "Paris", "London", "London city") == 2 * 2 / (3 + 2)


def test_the_answer_is_what_the_marker_marks():
    prompt = ask("red car")
    texts = ("blue #### red", "red car", "####")
    assert F1("####").score(prompt, [Completion(text=text) for text in texts]) == [
        Score(reward=2 * 1 / (1 + 2), outcome="red"),
        Score(reward=0.0),
        Score(reward=0.0),
    ]


@pytest.mark.parametrize("marker", [None, "####"])
def test_the_gold_completion_gets_1(marker):
    reward = F1(marker)
    assert reward.score(ask(), [Completion(text=reward.gold(ask()))])[0].reward == 1.0


def test_without_a_gold_answer_nothing_can_be_judged():
    score = F1().score(ask(None), [Completion(text="12")])[0]
    assert (score.reward, score.status) == (None, "unscorable")
    assert F1().gold(ask(None)) is None


def test_webquestions_gives_1_to_each_of_its_gold_answers():
    for row in json.loads(shared("webquestions/val.json").read_text(encoding="utf-8")):
        for answer in row["answers"]:
            assert f1(f"The {answer.upper()}.", *row["answers"]) == 1.0
