"""``rsft ask`` and ``rsft chat``: the champion answers."""

import json
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from rsft.cli.app import app, workspace_and_config
from rsft.errors import PromptsError

Model = Annotated[
    str | None, typer.Option(help="NAME@ALIAS or NAME/VERSION; by default the champion.")
]


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question in plain text.")],
    model: Model = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Answer a question with the champion."""
    from rsft.report.reply import reply_lines

    if not question.strip():
        raise PromptsError("the question is empty; write one in quotes after `rsft ask`")
    reply = _respondent(model).reply(question)
    if as_json:
        print(json.dumps(asdict(reply), indent=2))
        return
    print(f"{reply.model}:")
    for line in reply_lines(reply.completion, reply.steps, reply.answer):
        print(line)


@app.command()
def chat(model: Model = None) -> None:
    """Talk with the champion, line by line; Ctrl-D ends."""
    from rsft.report.reply import reply_lines
    from rsft.runs.ask import Conversation

    respondent = _respondent(model)
    name = respondent.name
    how = "is shown what was said before" if respondent.takes_turns else "answers each line alone"
    print(f"{name} {how}; Ctrl-D ends")
    conversation = Conversation(respondent)
    while (text := _line()) is not None:
        if not text.strip():
            continue
        before = len(conversation.turns)
        try:
            reply = conversation.say(text)
        except PromptsError as error:
            print(f"error: {error}")
            continue
        if len(conversation.turns) < before + 2 and respondent.takes_turns:
            print("(too long: the oldest turns are forgotten)")
        for line in reply_lines(reply.completion, reply.steps, reply.answer):
            print(f"{name}> {line}")


def _respondent(model: str | None) -> Any:
    from rsft.runs.ask import load_respondent

    workspace, config = workspace_and_config()
    return load_respondent(config, workspace.home, model)


def _line() -> str | None:
    """What a person types next; null where they end it."""
    is_watched = sys.stdin.isatty()
    if is_watched:
        import readline  # noqa: F401  # lines can be edited and called back
    try:
        return input("you> " if is_watched else "")
    except EOFError:
        if is_watched:
            print()
        return None
