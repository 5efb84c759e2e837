import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.prompts.equations import MOST, equations, written_equations
from tests.shared_data import shared_rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She has <<48/2=24>>24 and <<48+24 = 72>>72.", ("48/2=24", "48+24=72")),
        ("48 / 2 = <<48/2=24>>24 and so 48 + 24 = 72.", ("48/2=24", "48+24=72")),
        ("n0 + n1 = r0 ; r0 * 2.50 = r1", ("n0+n1=r0", "r0*2.5=r1")),
        ("16 - 3 = 13 eggs, for 13 x $2 = $26.", ("16-3=13", "13*2=26")),
        ("16 − 3 × 2 = 10, 20 ÷ 2 = 10", ("16-3*2=10", "20/2=10")),
        ("1,050.0 + 1 = 1,051", ("1050+1=1051",)),
        ("(16 - 3) * 2 = 26", ("(16-3)*2=26",)),
        ("(as 16 - 3 = 13)", ("16-3=13",)),
        ("(16 - 3 = 13)", ("16-3=13",)),
        ("1. 16 - 3 = 13\n2) 13 * 2 = 26", ("16-3=13", "13*2=26")),
        ("2 + 3 = 5 * 2 = 10", ("2+3=5", "5*2=10")),
        ("3 - 5 = -2", ("3-5=-2",)),
        ("1 - 1/4 = 3/4", ("1-1/4=0.75",)),
        ("it fell: -3 + 5 = 2", ("-3+5=2",)),
        ("1 / 0 = 0", ("1/0=0",)),
        ("<<x+1=2>> <<2+2=four>>", ("x+1=2", "2+2=?")),
    ],
)
def test_equations_in_normal_form(text, expected):
    assert equations(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "She has 12 pens.",
        "x = 5",
        "12 = 12",
        "x + 3 = 5",
        "n0 - 3 + 4 = 1",
        "48 clips / 2 = 24",
        "10 = 4 + 6",
        "3 + 4 = seven",
        "3 + 4 = 1,2",
        "20 / 100 = 20%",
        "2 ** 3 = 8",
        "9**9**9 = 1",
        "2 ^ 3 + 1 = 9",
        "٣ + 1 = 4",
        "__import__('os') = 1",
        "(" * 100_000 + "=",
        "=" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_text_without_equations(text):
    assert equations(text) == ()


def test_the_same_reasoning_written_otherwise_has_the_same_equations():
    """Else each way of writing it would count as a path of its own."""
    assert (
        equations("<<48/2=24>>")
        == equations("Half: 48 / 2 = 24.")
        == equations("So 48.0÷2 = $24.00 in all")
    )


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1 / 3 * 3 = 1", True),
        ("0.1 + 0.2 = 0.3", True),
        ("1 / 3 = 0.333", False),
        ("1 / 0 = 0", False),
        ("<<9**9=1>>", False),
        ("<<1=1>>", True),
        ("<<1+1=two>>", False),
    ],
)
def test_an_equation_is_checked_exactly(text, right):
    (equation,) = written_equations(text)
    assert equation.is_right() is right


@pytest.mark.parametrize("part", ["1+1=2 ", "<<1+1=2>>", "n0+n1=r0;"])
def test_no_more_are_read_than_any_solution_has(part):
    assert len(equations(part * 10_000)) == MOST


@pytest.mark.parametrize(
    "part", ["<<1=", "1 ", "(1 ", "1=", "1 x ", " " * 9 + "x", "<<", "1+", "-", "1,", "1/", "n0+n1"]
)
def test_reading_takes_time_linear_in_the_text(part):
    start = time.process_time()
    equations(part * 30_000)
    equations(f"{part * 30_000}={part * 30_000}")
    assert time.process_time() - start < 2


@given(st.text() | st.text("0123456789n r;=+-*/()<>.,x$"))
def test_any_text_can_be_read(text):
    assert all("=" in equation for equation in equations(text))


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from("+-*/"))
def test_a_right_equation_is_found_right(left, right, operator):
    value = {
        "+": left + right,
        "-": left - right,
        "*": left * right,
        "/": Fraction(left, right),
    }[operator]
    (equation,) = written_equations(f"so {left:,} {operator} {right} = {value} pens.")
    assert equation.is_right()


def test_gsm8k_notes_are_all_read():
    rows = shared_rows("gsm8k/train.jsonl")
    found = [each for row in rows for each in written_equations(row["answer"])]
    right = sum(equation.is_right() for equation in found)
    assert len(found) > 23_000
    assert right / len(found) > 0.99
