from fractions import Fraction

import pytest

from rsft.prompts.worked import MAX_STEPS, work_out

NUMBERS = [Fraction(12), Fraction(5), Fraction(3)]


def test_steps_are_computed_and_shown() -> None:
    steps = work_out("n0 + n1 = r0 ; r0 * n2 = r1", NUMBERS)
    assert [str(step) for step in steps] == ["12 + 5 = 17", "17 * 3 = 51"]


@pytest.mark.parametrize(
    ("solution", "result"),
    [
        ("n0 - n1 = r0", 7),
        ("n1 / n2 = r0", Fraction(5, 3)),
        ("n0 * 0.5 = r0", 6),
        ("  n0+n1=r0;r0-n2=r1  ", 14),
    ],
)
def test_results_are_exact(solution: str, result: Fraction) -> None:
    assert work_out(solution, NUMBERS)[-1].result == result


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        ("", "step 0 is not"),
        ("n0 + n1", "step 0 is not"),
        ("n0 + n1 = r1", "names its result r1"),
        ("n0 + n3 = r0", "n3 does not exist"),
        ("n0 + r0 = r0", "r0 does not exist"),
        ("n0 + n1 = r0 ; r1 * n2 = r1", "r1 does not exist"),
        ("n0 / 0 = r0", "division by zero"),
        ("n0 ** n1 = r0", "step 0 is not"),
        ("__import__('os') + n1 = r0", "step 0 is not"),
        ("9999999999 * n1 = r0", "step 0 is not"),
        (" ; ".join(f"n0 + n1 = r{i}" for i in range(MAX_STEPS + 1)), f"more than {MAX_STEPS}"),
        ("n٠ + n1 = r0", "step 0 is not"),
        (
            "n0 * n0 = r0" + "".join(f" ; r{i} * r{i} = r{i + 1}" for i in range(8)),
            "out of all bounds",
        ),
        (";" * 1_000_000, f"more than {MAX_STEPS}"),
    ],
)
def test_what_is_no_worked_solution(solution: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        work_out(solution, NUMBERS)
