"""Errors of the world are one line, and none of their text commands the terminal."""

import errno

import pytest

from rsft import cli
from rsft.errors import RsftError


def test_an_error_may_quote_anything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RsftError("a file [bold]x[/]\x1b[2J\u202e is none")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert capsys.readouterr().err == "error: a file [bold]x[/]\\x1b[2J\\u202e is none\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            SyntaxError("invalid syntax", ("/x/rsft/a.py", 3, 1, "def")),
            "error: /x/rsft/a.py:3: no Python that can be read (invalid syntax); mend it and ",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/data/run.tmp"),
            "error: the result: it could not be written to /x/data/run.tmp (",
        ),
    ],
)
def test_broken_code_and_a_full_disk_are_one_line(
    error: Exception,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)
