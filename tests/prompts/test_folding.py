import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft.prompts.folding import fold, mask_numbers


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Ann’s  10-year-old\tDOG,\ncosts: $1,050!", "anns 10 year old dog costs 1050"),
        ("Ann's dog. Ann`s dog", "anns dog anns dog"),
        ("Straße ﬁne ＦＵＬＬ ½", "strasse fine full 1 ⁄ 2"),
        ("1,234,567 or 1,23 or 12,345", "1234567 or 1 23 or 12345"),
        ("What is 12-5?", "what is 12 − 5"),
        ("What is 12 - 5?", "what is 12 − 5"),
        ("What is 12+5?", "what is 12 + 5"),
        ("6*7 and 6 / 7 and 6^7", "6 × 7 and 6 ÷ 7 and 6 ↑ 7"),
        ("and/or, state-of-the-art – *bold*", "and or state of the art bold"),
        ("x<3 and 20°", "x < 3 and 20 °"),
        ("a\u200fb\u00adc\u200b \u202eraw", "abc raw"),
        ("הרבה\u200f תפוחים", "הרבה תפוחים"),
        ("हिन्दी में?", "हिन्दी में"),
        ("cafe\u0301 cafe'\u0301 CAFÉ", "café café café"),
        ("小明有12个苹果。", "小 明 有 12 个 苹 果"),
        ("リンゴは何個？", "リ ン ゴ は 何 個"),
        ("มีแอปเปิล", " ".join("มีแอปเปิล")),
        ("사과가 몇 개?", "사과가 몇 개"),
        ("?!… — \n", ""),
        ("", ""),
    ],
)
def test_what_of_its_writing_is_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("folded", "masked"),
    [
        ("ann has 12 pens and 3", "ann has 0 pens and 0"),
        ("costs 2 50 each", "costs 0 each"),
        ("the 5th of 12 3 or 4", "the 0th of 0 or 0"),
        ("with ١٢ and no word as four", "with 0 and no word as four"),
        ("none", "none"),
    ],
)
def test_numbers_and_rows_of_them_are_masked(folded: str, masked: str) -> None:
    assert mask_numbers(folded) == masked


@settings(deadline=None)
@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@settings(deadline=None)
@given(st.text())
def test_a_folded_text_is_words_with_one_space_between(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert "\0" not in folded


@settings(deadline=None)
@given(st.text(alphabet="abc xyz12"), st.text(alphabet=" \n\t.,!?;:\"'()"))
def test_neither_case_nor_punctuation_nor_space_around_words_matters(text: str, marks: str) -> None:
    spread = "".join(f" {marks} " if character == " " else character for character in text)
    assert fold(f"{marks}{spread.upper()}{marks}") == fold(text)
