import logging
import re
import time

import pytest
from math_verify import grader, parser
from sympy.parsing import sympy_parser
from sympy.parsing.sympy_parser import eval_expr

from rsft.score.symbolic import is_same_expression, read_expression

NUMBER_CODE = r"(?:Integer|Float) \('?[0-9.Ee]+'? ?\)"


def is_same(answer: str, gold: str) -> bool:
    return is_same_expression(read_expression(answer), read_expression(gold))


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (r"\frac{x}{2}", "x/2"),
        ("0.5x", r"\frac{x}{2}"),
        ("2x + 1", "1 + 2x"),
        (r"\sqrt{12}", r"2\sqrt{3}"),
        ("x = 5", "5"),
        ("(1,2)", "(1, 2)"),
        (r"$x^2+y^2$", "y^2 + x^2"),
    ],
)
def test_equal_expressions(answer, gold):
    assert is_same(answer, gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [("x/3", "x/2"), (r"\sqrt{12}", r"3\sqrt{2}"), ("3y", "3x"), ("", "x"), ("--", "x")],
)
def test_unequal_expressions(answer, gold):
    assert not is_same(answer, gold)


@pytest.mark.parametrize(
    "answer",
    [
        "9^{9^9}",
        "9^9^9",
        "9^{99999}",
        "99999!",
        "(9!)!",
        "9!!!",
        r"\sum_{i=1}^{99999999} i",
        "(" * 20 + "1" + ")" * 20,
        "a_" * 50 + "1",
        "1" * 201,
    ],
    ids=lambda answer: answer[:20],
)
def test_what_would_take_too_long_is_not_read(answer):
    assert read_expression(answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        "9**9**9",
        "(" * 200,
        "[" * 100 + "]" * 100,
        "٣",
        "７",
        "\x00",
        "12\u202e34\u2066",
        r"\boxed{" * 20 + "5",
        r"\frac" * 40,
        r"\left(" * 30,
        "__import__('os').system('true')",
        "(1)" * 60,
        "1,2" * 60,
        "x" * 200,
        "{}^" * 60,
    ],
    ids=lambda answer: ascii(answer[:20]),
)
def test_hostile_answers_are_no_expression_or_another_one(answer):
    start = time.process_time()
    said = read_expression(answer)
    assert said is None or not is_same_expression(said, read_expression("12"))
    assert time.process_time() - start < 5


def test_eval_is_never_given_model_text_but_digits(monkeypatch):
    """RFT's code evaluates answers; so do SymPy's ``parse_expr``, and Math-Verify by it."""
    evaluated = []

    def spy(code, *rest):
        evaluated.append(code)
        return eval_expr(code, *rest)

    monkeypatch.setattr(sympy_parser, "eval_expr", spy)
    read_expression.cache_clear()
    for answer in ("__import__('os')", "9**9", "(1+2)*3", "x/2", "1E5 + .5", "lambda: 0", "25\\%"):
        is_same_expression(read_expression(answer) or (), read_expression("3") or ())
    assert evaluated
    assert [code for code in evaluated if not re.fullmatch(NUMBER_CODE, code)] == []


def test_math_verify_keeps_quiet(capfd, caplog, monkeypatch):
    """It warns, once, that its time-outs are switched off."""
    monkeypatch.setattr(parser, "TIMEOUT_WARNING_SHOWN", False)
    monkeypatch.setattr(grader, "TIMEOUT_WARNING_SHOWN", False)
    read_expression.cache_clear()
    with caplog.at_level(logging.DEBUG):
        is_same(r"\frac{1", "x")
        is_same("x^", "y")
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
