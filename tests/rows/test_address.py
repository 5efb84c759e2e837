import pytest

from rsft.errors import LineageError
from rsft.rows import RowAddress


@pytest.mark.parametrize(
    ("text", "prompt_id", "number", "draw"),
    [
        ("train-1:2:3", "train-1", 2, 3),
        ("a:b:0:0", "a:b", 0, 0),
        ("::1:0", ":", 1, 0),
        ("x\n:1:0", "x\n", 1, 0),
    ],
)
def test_a_name_is_read_from_its_end(text: str, prompt_id: str, number: int, draw: int) -> None:
    address = RowAddress.parse(text)
    assert address == RowAddress(prompt_id=prompt_id, round=number, draw=draw)
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "train-1", "train-1:2", ":1:2", "a:1:", "a:-1:2", "a:²:1"])
def test_what_names_no_row_is_an_error(text: str) -> None:
    with pytest.raises(LineageError, match="names no row; write PROMPT_ID:ROUND:DRAW"):
        RowAddress.parse(text)
