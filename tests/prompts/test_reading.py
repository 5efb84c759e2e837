import pytest

from rsft.prompts.reading import read_answer

QUESTION = "Ann has 12 pens and gets 1,030 more."


@pytest.mark.parametrize(
    ("is_worked", "marker", "completion", "answer"),
    [
        (True, None, "n0 + n1 = r0 ; r0 / 4 = r1", "260.5"),
        (True, None, "n0 + n2 = r0", None),
        (False, "####", "so it is #### 5 \n", "5"),
        (False, "####", "#### 4 no #### 5", "5"),
        (False, "####", "it is 5", None),
        (False, None, " Paris\0 ", "Paris\0"),
    ],
)
def test_the_answer_is_read_in_the_completion(
    is_worked: bool, marker: str | None, completion: str, answer: str | None
) -> None:
    read = read_answer(QUESTION, completion, is_worked=is_worked, answer_marker=marker)
    assert read.answer == answer


def test_worked_steps_are_told_with_their_numbers() -> None:
    completion = "n0 + n1 = r0 ; r0 / 4 = r1"
    read = read_answer(QUESTION, completion, is_worked=True, answer_marker=None)
    assert read.steps == ["12 + 1030 = 1042", "1042 / 4 = 260.5"]
