import pytest

from rsft.prompts.gsm8k import slot_solution

QUESTION = "Ann sold 48 clips in April, and half as many in May, at $2 each."


@pytest.mark.parametrize(
    ("reasoning", "answer", "solution"),
    [
        ("48/2 = <<48/2=24>>24, so <<48+24=72>>72.", "72", "n0 / n1 = r0 ; n0 + r0 = r1"),
        ("<<(48+2)*3=150>>", "150", "n0 + n1 = r0 ; r0 * 3 = r1"),
        ("<<48+2*3=54>>", "54", "n1 * 3 = r0 ; n0 + r0 = r1"),
        ("<<48*.5=24>>", "24", "n0 * 0.5 = r0"),
        ("<<48-2-1=45>>", "45", "n0 - n1 = r0 ; r0 - 1 = r1"),
    ],
)
def test_notes_become_steps(reasoning: str, answer: str, solution: str) -> None:
    assert slot_solution(QUESTION, reasoning, answer) == solution


@pytest.mark.parametrize(
    "reasoning",
    [
        "no notes at all",
        "<<48/2=24>>",  # works out to 24, not 72
        "<<48+=72>>",
        "<<(48+24=72>>",
        "<<48+24)=72>>",
        "<<48 24=72>>",
        "<<x+24=72>>",
        "<<48/0=72>>",
        "<<" + "(" * 150 + "=72>>",
    ],
)
def test_notes_that_do_not_give_the_answer_give_no_solution(reasoning: str) -> None:
    assert slot_solution(QUESTION, reasoning, "72") is None
