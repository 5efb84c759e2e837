from fractions import Fraction

import pytest

from rsft.prompts.slots import format_number, number_slots, parse_number


@pytest.mark.parametrize(
    ("text", "slots", "values"),
    [
        ("Ann has 12 pens.", "Ann has n0 pens.", [12]),
        ("1,050 at $2.50 each, 10% off", "n0 at $n1 each, n2% off", [1050, Fraction("2.5"), 10]),
        ("It ends in 7.", "It ends in n0.", [7]),
        ("room B12 and v2.0", "room B12 and v2.0", []),
        ("3,4 and 1,0000", "n0,n1 and n2,n3", [3, 4, 1, 0]),
        ("no number", "no number", []),
        ("9" * 5000, "9" * 5000, []),
        ("٣ is not an ASCII digit", "٣ is not an ASCII digit", []),
    ],
)
def test_number_slots(text: str, slots: str, values: list[Fraction]) -> None:
    assert number_slots(text) == (slots, values)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        (" -3.5 ", Fraction(-7, 2)),
        ("1,050", 1050),
        ("1/3", None),
        ("twelve", None),
        ("1e9", None),
        ("", None),
        (".5", Fraction(1, 2)),
        ("9" * 5000, None),
    ],
)
def test_parse_number(text: str, value: Fraction | None) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(12), "12"),
        (Fraction(5, 2), "2.5"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(1, 3), "1/3"),
        (Fraction(10**12), "1000000000000"),
        (Fraction(10**30 + 1), "1000000000000000000000000000001"),
        (Fraction(-5, 10**40), "-0." + "0" * 39 + "5"),
        (Fraction(3, 200), "0.015"),
    ],
)
def test_format_number(value: Fraction, text: str) -> None:
    assert format_number(value) == text
