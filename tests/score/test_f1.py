import json
import re
import string
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rsft.score.exact_match import ExactMatch
from rsft.score.f1 import F1
from rsft.score.reward import Score
from rsft.types import Completion
from tests.score.cases import ask, completions
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


def squad_tokens(text: str) -> list[str]:
    """``get_tokens`` of SQuAD 2.0's evaluation script."""
    plain = "".join(char for char in text.lower() if char not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def squad_f1(gold: list[str], answer: list[str]) -> float:
    """``compute_f1`` of SQuAD 2.0's evaluation script, on tokens."""
    same = (Counter(gold) & Counter(answer)).total()
    if same == 0:
        return 0.0
    precision, recall = same / len(answer), same / len(gold)
    return 2 * precision * recall / (precision + recall)


ANSWER = st.lists(
    st.sampled_from(["a", "The", "cat.", "Cat", "dog's", "U.S.", "new-york", "the,", "é", "--"])
    | st.text("abct .,-'!\n_“é", max_size=8)
).map(" ".join)


@given(st.lists(ANSWER, min_size=1, max_size=3), ANSWER)
def test_without_numbers_both_are_squad_s(golds, answer):
    """Wherever anything is left of the answers but articles and punctuation, which stay here."""
    read = [squad_tokens(gold) for gold in golds]
    assume(squad_tokens(answer) and all(read))
    (f1,) = F1().score(ask(*golds), completions(answer))
    (exact,) = ExactMatch().score(ask(*golds), completions(answer))
    said = squad_tokens(answer)
    assert f1.reward == pytest.approx(max(squad_f1(gold, said) for gold in read))
    assert exact.reward == float(said in read)
