import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.score.choice import Choice
from rsft.score.reward import Score
from rsft.types import Completion
from tests.score.cases import ask
from tests.shared_data import shared_rows

CHOICES = ("10 km", "12 km", "a dog", "24")


def judge(text: str, gold: str = "B", marker: str | None = None, choices=CHOICES) -> Score:
    prompt = ask(gold, choices=choices)
    return Choice(marker).score(prompt, [Completion(text=text)])[0]


@pytest.mark.parametrize(
    ("completion", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B)", "B"),
        ("[B]", "B"),
        ("**B**.", "B"),
        ("b. 12 km", "B"),
        ("(B) 12 km", "B"),
        ("B: because it is far", "B"),
        ("12 km", "B"),
        ("12 KM.", "B"),
        ("a dog", "C"),
        ("$24.00", "D"),
        ("The answer is B", "B"),
        ("the answer is: (b).", "B"),
        ("The answer is B because A is too short.", "B"),
        ("The answer is 12 km.", "B"),
        ("So the answer is option D, which is 24.", "D"),
        ("Correct answer - A", "A"),
        ("ANSWER:D", "D"),
        ("Answer D", "D"),
        ("The correct option is B.", "B"),
        ("Option A is too short. The answer is B.", "B"),
        ("The answer is a dog.", "C"),
        ("The answer is B. Yes, the answer is (B) 12 km.", "B"),
        ("It walks for two hours, so I choose (B).", "B"),
    ],
)
def test_the_choice_is_read(completion, letter):
    assert judge(completion, letter) == Score(reward=1.0, outcome=letter)
    other = "A" if letter != "A" else "B"
    assert judge(completion, other) == Score(reward=0.0, outcome=letter)


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "E",
        "A dog",
        "I do not know.",
        "13 km",
        "The answer is a question.",
        "The answer is E.",
        "About 12 km and 10 km",
        "B A",
    ],
)
def test_no_choice_is_wrong_without_an_outcome(completion):
    choices = ("10 km", "12 km")
    assert judge(completion, choices=choices) == Score(reward=0.0, outcome=None)


@pytest.mark.parametrize(
    ("completion", "outcome"),
    [
        ("The answer is A. No, the answer is B.", "A, B"),
        ("Answer: B\nAnswer: D", "B, D"),
        ("(A) or (B)", "A, B"),
        ("I take (A), then (B).", "A, B"),
        ("The answer is A or B.", "A, B"),
        ("The answer is A) 12 km.", "A, B"),
        ("Answer: (B)/(D)", "B, D"),
        ("A. 12 km", "A, B"),
    ],
)
def test_two_choices_are_none(completion, outcome):
    assert judge(completion) == Score(reward=0.0, outcome=outcome)


@pytest.mark.parametrize("gold", ["B", "b", "(B)", "B) 12 km", "12 km"])
def test_the_gold_is_a_letter_or_a_text(gold):
    assert judge("The answer is B.", gold).reward == 1.0
    assert Choice("####").gold(ask(gold, choices=CHOICES)) == f"#### {gold}"
    assert judge(Choice().gold(ask(gold, choices=CHOICES)), gold).reward == 1.0


def test_the_answer_is_what_the_marker_marks():
    assert judge("The answer is A. #### B", marker="####").reward == 1.0
    assert judge("The answer is B.", marker="####") == Score(reward=0.0)


def test_letters_before_the_options_are_not_part_of_them():
    labelled = ("A)10 km", "B)12 km", "C).5")
    assert judge("12 km", choices=labelled).outcome == "B"
    assert judge("(B) 12 km", choices=labelled).outcome == "B"
    assert judge(".5", "C", choices=labelled).reward == 1.0


def test_options_that_differ_by_a_sign_differ():
    options = ("20%", "-20%", "12.1 million", "121 million", "5!", "5")
    for letter, option in zip("ABCDEF", options, strict=True):
        assert judge(option, choices=options).outcome == letter
        assert judge(f"The answer is {option}.", choices=options).outcome == letter


def test_options_of_the_same_text_are_one():
    for text in ("A", "The answer is C.", "1", "1.0"):
        assert judge(text, "A", choices=("1", "2", "1")) == Score(reward=1.0, outcome="A")


@pytest.mark.parametrize(
    ("gold", "choices", "note"),
    [
        ("B", (), "the prompt has no choices"),
        (None, CHOICES, "the prompt has no gold answer"),
        ("13 km", CHOICES, "no gold answer is one of the choices"),
        ("E", CHOICES, "no gold answer is one of the choices"),
    ],
)
def test_without_choices_or_a_gold_one_nothing_can_be_judged(gold, choices, note):
    score = Choice().score(ask(gold, choices=choices), [Completion(text="B")])[0]
    assert (score.reward, score.status, score.note) == (None, "unscorable", note)


@pytest.mark.parametrize(
    "part",
    ["(", "(A)", "answer is ", "answer is (A) ", "A", "\u202eB", "\x00", "*", " ", "B)", "B. "],
    ids=ascii,
)
def test_long_hostile_completions_are_judged_at_once(part):
    start = time.process_time()
    judge(part * (100_000 // len(part)))
    assert time.process_time() - start < 2


@given(st.text() | st.text("ABCabc()answer is:.*\n 12km"), st.lists(st.text(), max_size=30))
def test_any_text_is_judged_by_any_choices(text, choices):
    score = judge(text, choices=(*CHOICES, *choices))
    assert score.reward in (0.0, 1.0)


def test_aqua_gives_1_to_its_gold_choices_and_0_to_the_others():
    rows = shared_rows("aqua/dev.json")
    assert len(rows) == 254
    for row in rows:
        options = tuple(row["options"])
        assert judge(row["correct"], row["correct"], choices=options).reward == 1.0
        for letter, option in zip("ABCDE", options, strict=True):
            for text in (f"({letter})", option, option[2:], f"So the answer is {letter}."):
                reward = judge(text, row["correct"], choices=options).reward
                assert reward == float(letter == row["correct"]), (options, text)
