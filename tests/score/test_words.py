from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.score.words import as_number, tokens, words


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("12", 12),
        (" 12. ", 12),
        ("-3", -3),
        ("1,050.0", 1050),
        ("$1,050.0", 1050),
        ("-$3", -3),
        ("$-3", -3),
        ("1/2", Fraction(1, 2)),
        ("-1/2.", Fraction(-1, 2)),
        ("1/-2", Fraction(-1, 2)),
        ("**12**", 12),
        ("(12)", 12),
        ("12 %", 12),
        ("1/0", None),
        ("1/2/3", None),
        ("/2", None),
        ("1,05", None),
        ("1e3", None),
        ("12 pens", None),
        ("twelve", None),
        ("٣", None),
        ("", None),
        (".", None),
    ],
)
def test_as_number(answer, value):
    assert as_number(answer) == value


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The Eiffel Tower.", ["eiffel", "tower"]),
        ("  twice\n as   much ", ["twice", "as", "much"]),
        ("well-known", ["wellknown"]),
        ("STRASSE", ["strasse"]),
        ("A", ["a"]),
        ("...", ["..."]),
        (" \n", []),
    ],
)
def test_words(answer, expected):
    assert words(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("the $1,050.0 prize", [1050, "prize"]),
        ("12-5 pens", ["125", "pens"]),
        ("1/2 a cup", [Fraction(1, 2), "cup"]),
        ("the", ["the"]),
        ("", []),
    ],
)
def test_numbers_among_words_are_values(answer, expected):
    assert tokens(answer) == expected


@given(st.text())
def test_any_text_has_words_unless_it_is_blank(text):
    assert bool(words(text)) == bool(tokens(text)) == bool(text.split())
