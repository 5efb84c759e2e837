import pytest

from rsft.report.plain import plain
from rsft.report.reply import reply_lines


@pytest.mark.parametrize(
    ("completion", "steps", "answer", "shown"),
    [
        ("n0 + n1 = r0", ["3 + 4 = 7"], "7", ["3 + 4 = 7", "answer: 7"]),
        ("n0 + n9 = r0", [], None, ["n0 + n9 = r0", "answer: none found"]),
        ("so #### 5\n", [], "5", ["so #### 5\n", "answer: 5"]),
        (" Paris ", [], "Paris", [" Paris "]),
        ("\x1b[2J\tno\nyes", [], "\x1b[2J\tno\nyes", ["\\x1b[2J\tno\nyes"]),
        ("= \x1b[2J", [], "\x1b[2J", ["= \\x1b[2J", "answer: \\x1b[2J"]),
    ],
)
def test_what_is_shown_of_a_reply(
    completion: str, steps: list[str], answer: str | None, shown: list[str]
) -> None:
    assert list(reply_lines(completion, steps, answer)) == shown


def test_what_a_terminal_would_obey_is_spelt_out() -> None:
    text = "a\x1b]0;title\x07\u202eb\r\nc\tü 日本"
    assert plain(text) == r"a\x1b]0;title\x07\u202eb\r\nc\tü 日本"
    assert plain("a\n\tb\r", keep="\n\t") == "a\n\tb\\r"
