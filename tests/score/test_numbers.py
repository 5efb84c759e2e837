import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.score.numbers import Number, is_equal, last_number, read_number

EXACT = Fraction(0)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("18", 18),
        ("-3", -3),
        ("−3", -3),
        ("+3", 3),
        ("$1,050.00", 1050),
        ("-$3", -3),
        ("$-3", -3),
        ("$18$", 18),
        (r"\$18", 18),
        ("€2.50", Fraction(5, 2)),
        ("18 eggs", 18),
        ("18.", 18),
        ("18!", 18),
        ("**18**", 18),
        ("(18)", 18),
        ("5 km/h", 5),
        ("60/hour", 60),
        ("5 m^2", 5),
        ("5m2", 5),
        ("10 a day", 10),
        (r"5\text{ km}", 5),
        (r"10^\circ", 10),
        ("x = 5", 5),
        ("3 + 4 = 7", 7),
        ("The answer is 18.", 18),
        ("Answer: -7", -7),
        (".5", Fraction(1, 2)),
        ("3/4", Fraction(3, 4)),
        ("-3/4", Fraction(-3, 4)),
        ("1/2 cup", Fraction(1, 2)),
        ("1 1/2", Fraction(3, 2)),
        ("-1 1/2", Fraction(-3, 2)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"-\dfrac{1}{2}", Fraction(-1, 2)),
        (r"1\frac{1}{2}", Fraction(3, 2)),
        ("1{,}000", 1000),
        ("1.5e3", 1500),
        ("15E-1", Fraction(3, 2)),
        (r"2 \times 10^{3}", 2000),
        ("2 x 10^-3", Fraction(1, 500)),
        ("1.8 billion", 1_800_000_000),
        ("9" * 100, int("9" * 100)),
    ],
)
def test_numbers_as_answers_state_them(answer, value):
    assert read_number(answer) == Number(Fraction(value))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "twelve",
        "--",
        "1/0",
        "3/4/5",
        "1 5/2",
        "1,05",
        "1.2.3",
        "6:30",
        "12-5",
        "18 or 19",
        "2 hours 30 minutes",
        "10+John's age",
        "half of 10",
        "3x",
        "5 - x",
        "5k",
        "10^5",
        r"2\sqrt{3}",
        "n0",
        "1e9999",
        "٣",
        "７",
        "9" * 101,
        "18" + " eggs" * 100,
    ],
    ids=lambda answer: answer[:20],
)
def test_what_states_no_number(answer):
    assert read_number(answer) is None


@pytest.mark.parametrize(
    ("text", "written", "value"),
    [
        ("She makes 9 * 2 = $18 every day.", "$18", 18),
        ("9 * 2 = <<9*2=18>>18 eggs", "18", 18),
        ("it is 3-5", "5", 5),
        ("so 10 - 5", "5", 5),
        ("it fell to -5 degrees", "-5", -5),
        ("an area of 5 m^2", "5", 5),
        (r"So it is $\frac{3}{4}$.", "$3/4", Fraction(3, 4)),
        ("of 1,050.50!", "1,050.50", Fraction(2101, 2)),
        ("1 " * 10_000 + "and 7" + " eggs" * 10_000, "7", 7),
    ],
)
def test_the_last_number(text, written, value):
    assert last_number(text) == (written, Number(Fraction(value)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "n0 + 5 = r0",
        "5 and 1.2.3",
        "5/0",
        "2^5",
        "2^{5}",
        "2^-5",
        "x^{-5}.",
        "5 1.2.3",
        "5, 1,05",
        "7" + "1" * 300,
        "7/" + "1" * 300,
        "5 or ٣ 1,05",
    ],
)
def test_a_last_number_that_cannot_be_read_is_not_replaced_by_an_earlier_one(text):
    assert last_number(text) is None


@pytest.mark.parametrize(
    ("answer", "gold", "is_same"),
    [
        ("25%", "25", True),
        ("25%", "0.25", True),
        ("25 percent", "25%", True),
        ("25", "25%", True),
        ("0.25", "25%", True),
        (r"25\%", "1/4", True),
        ("2500%", "25%", False),
        ("0.25%", "25%", False),
        ("25%", "2500", False),
        ("25%", "0.0025", False),
    ],
)
def test_a_percent_sign_is_read_both_ways(answer, gold, is_same):
    numbers = read_number(answer), read_number(gold)
    assert None not in numbers
    assert is_equal(*numbers, EXACT) is is_same


@pytest.mark.parametrize(("answer", "is_near"), [("99", True), ("101", True), ("101.01", False)])
def test_the_tolerance_is_a_share_of_the_gold_number(answer, is_near):
    assert is_equal(read_number(answer), Number(Fraction(100)), Fraction("0.01")) is is_near
    assert is_equal(read_number(answer), Number(Fraction(100)), EXACT) is False


def written(value: Fraction) -> list[str]:
    """A fraction in several ways that all state it."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    whole, rest = divmod(size.numerator, size.denominator)
    ways = [f"{value}", f"{sign}{size} km", f"x = {value}", f"{sign}${size}."]
    if size.denominator != 1:
        ways.append(rf"{sign}\frac{{{size.numerator}}}{{{size.denominator}}}")
        if whole:
            ways.append(f"{sign}{whole} {rest}/{size.denominator}")
    else:
        ways += [f"{sign}{whole:,}", f"{sign}{whole}.00", f"{sign}{whole}e0", f"**{value}**"]
    return ways


@given(st.fractions(max_denominator=10_000))
def test_a_fraction_is_read_back_however_it_is_written(value):
    for text in written(value):
        assert read_number(text) == Number(value), text


@given(st.decimals(-(10**9), 10**9, places=4))
def test_a_decimal_is_read_back(value):
    for text in (f"{value:f}", f"{value:,f}", f"${value:f}", f"{value:f} eggs"):
        assert read_number(text) == Number(Fraction(value)), text


@given(st.text() | st.text("0123456789.,/-+$%^ex=\\{} \u202e"))
def test_any_text_can_be_read(text):
    read_number(text)
    last_number(text)


@pytest.mark.parametrize(
    "part",
    [
        "9",
        "1,",
        "1/",
        "1.",
        "-",
        "(",
        "=",
        "a",
        " ",
        "is ",
        "$",
        "1 ",
        "10^",
        "m2",
        "\\frac{",
        "\\,",
    ],
)
def test_reading_takes_time_linear_in_the_text(part):
    """Thousands of times the time, where a pattern backtracks."""
    for text in (part * 100_000, part * (200 // len(part)), f"1{part * 100_000}1x"):
        start = time.process_time()
        read_number(text)
        last_number(text)
        assert time.process_time() - start < 2.0
