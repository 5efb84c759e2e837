import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.score.markers import mark, read_answer


@pytest.mark.parametrize(
    ("completion", "marker", "answer"),
    [
        (" 12\n", None, "12"),
        ("7 + 5 #### 12", "####", "12"),
        ("#### 11, no: #### 12", "####", "12"),
        ("####\n\n 12 \nThis is it.", "####", "12"),
        ("#### 12\r\nmore", "####", "12"),
        ("12#### 13", "####", "13"),
        ("12 ####", "####", ""),
        ("12", "####", None),
        ("so A: 18", "A:", "18"),
        ("A: 18, as in the USA: 5", "A:", "18, as in the USA: 5"),
        ("USA: 5", "A:", None),
        (r"is \boxed{12}.", r"\boxed{}", "12"),
        (r"\boxed{1} or \boxed{ 2 }", r"\boxed{}", "2"),
        (r"\boxed{\frac{1}{\sqrt{2}}} {}", r"\boxed{}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\boxed{5}}", r"\boxed{}", "5"),
        (r"\boxed{}", r"\boxed{}", ""),
        (r"\boxed{5", r"\boxed{}", ""),
        (r"\boxed 5", r"\boxed{}", None),
    ],
)
def test_the_answer_is_what_the_last_marker_marks(completion, marker, answer):
    assert read_answer(completion, marker) == answer


@pytest.mark.parametrize("marker", [None, "####", "A:", r"\boxed{}"])
def test_a_marked_answer_is_read_again(marker):
    assert read_answer(mark("12 pens", marker), marker) == "12 pens"


@pytest.mark.parametrize("marker", ["####", "A:", r"\boxed{}"])
@pytest.mark.parametrize("text", ["A:", "AA:", "#", r"\boxed{", "{", "}", "\n", "\x00", "\u202e"])
def test_long_hostile_text_is_read_at_once(text, marker):
    read_answer(text * (100_000 // len(text)), marker)


@given(st.text(), st.sampled_from([None, "####", "A:", r"\boxed{}"]))
def test_any_text_can_be_read(text, marker):
    answer = read_answer(text, marker)
    assert answer is None or answer in text
