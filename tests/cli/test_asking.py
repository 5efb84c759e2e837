"""``rsft ask`` and ``rsft chat``, with a model that says what it was shown."""

import json
from collections.abc import Sequence

import pytest
from typer.testing import CliRunner

from rsft.cli import asking
from rsft.cli.app import app
from rsft.errors import PromptsError
from rsft.runs.ask import Reply
from rsft.types import Turn


class Parrot:
    name = "m/3"
    takes_turns = True

    def fits(self, question: str, context: Sequence[Turn]) -> bool:
        return len(context) < 4

    def reply(self, question: str, context: Sequence[Turn] = ()) -> Reply:
        if question == "no":
            raise PromptsError("prompt 'no' cannot be read")
        said = f"{len(context)} turns, then {question}\x1b[1m"
        return Reply(model=self.name, completion=said, steps=(), answer=said)


@pytest.fixture(autouse=True)
def parrot(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What was asked for by ``--model``."""
    asked: list[str | None] = []
    monkeypatch.setattr(asking, "_respondent", lambda model: asked.append(model) or Parrot())
    return asked


def test_a_reply_is_headed_by_the_version(parrot: list[str | None]) -> None:
    done = CliRunner().invoke(app, ["ask", "Why?", "--model", "m@champion"])
    assert done.output.splitlines() == ["m/3:", "0 turns, then Why?\\x1b[1m"]
    assert parrot == ["m@champion"]


def test_a_reply_as_json() -> None:
    done = CliRunner().invoke(app, ["ask", "Why?", "--json"])
    told = "0 turns, then Why?\x1b[1m"
    assert json.loads(done.output) == {
        "model": "m/3", "completion": told, "steps": [], "answer": told
    }  # fmt: skip


def test_a_chat_goes_on_until_the_input_ends() -> None:
    done = CliRunner().invoke(app, ["chat"], input="one\n \ntwo\nno\nthree\n")
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "m/3 is shown what was said before; Ctrl-D ends",
        "m/3> 0 turns, then one\\x1b[1m",
        "m/3> 2 turns, then two\\x1b[1m",
        "error: prompt 'no' cannot be read",
        "(too long: the oldest turns are forgotten)",
        "m/3> 2 turns, then three\\x1b[1m",
    ]


def test_a_model_that_takes_no_turns_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Parrot, "takes_turns", False)
    done = CliRunner().invoke(app, ["chat"], input="one\ntwo\n")
    assert done.output.splitlines() == [
        "m/3 answers each line alone; Ctrl-D ends",
        "m/3> 0 turns, then one\\x1b[1m",
        "m/3> 0 turns, then two\\x1b[1m",
    ]
