from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.prompts.arithmetic import compute, evaluate, tokenise


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7", 7),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 3 - 2", 5),
        ("24 / 4 / 2", 3),
        ("1/3 + 1/6", Fraction(1, 2)),
        ("1,050.5 * 2", 2101),
        (".5*4", 2),
        ("-3 + 5", 2),
        ("3 - -5", 8),
        ("(" * 20 + "1" + ")" * 20, 1),
    ],
)
def test_values_are_exact(expression, value):
    assert evaluate(tokenise(expression)) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "+",
        "2 +",
        "2 3",
        "(2",
        "2)",
        "+3",
        "- -5",
        "-(5)",
        "2 ** 3",
        "2 ^ 3",
        "x + 1",
        "٣ + 1",
        "1e3",
        "__import__('os')",
        "(" * 21 + "1" + ")" * 21,
        "1" + "+1" * 100,
        "9" * 101,
    ],
    ids=lambda expression: expression[:20],
)
def test_what_is_no_expression(expression):
    with pytest.raises(ValueError, match=r"operand|one expression|bracket|longer"):
        evaluate(tokenise(expression))


@pytest.mark.parametrize("expression", ["1 / 0", "1 / (2 - 2)", "*".join(["999999999"] * 12)])
def test_what_has_no_value_within_bounds(expression):
    with pytest.raises(ArithmeticError, match=r"division by zero|out of all bounds"):
        evaluate(tokenise(expression))


numbers = st.fractions(min_value=0, max_value=10**6, max_denominator=1)


@given(numbers, numbers, numbers, st.sampled_from("+-*"), st.sampled_from("+-*"))
def test_brackets_are_the_order_of_steps(a, b, c, first, second):
    left = compute(compute(a, first, b), second, c)
    assert evaluate(tokenise(f"({a} {first} {b}) {second} {c}")) == left
    right = compute(a, first, compute(b, second, c))
    assert evaluate(tokenise(f"{a}{first}({b}{second}{c})")) == right
