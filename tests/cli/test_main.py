"""Errors of the world are one line, and none of their text commands the terminal."""

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
