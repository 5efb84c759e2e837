"""Prompts from JSON Lines files, one object a line.

Nothing is skipped in silence: a line that cannot be used is an error with its file, its number
and the remedy. The one thing left out on purpose, problems over ``max_calculations``, is a
setting.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rsft.config import RAW, FilesSection
from rsft.errors import PromptsError
from rsft.prompts.fields import read_answers, read_choices, read_text
from rsft.prompts.gsm8k import slot_solution
from rsft.prompts.messages import read_messages
from rsft.types import Prompt, Turn

_DEEPEST = 100
"""Levels of lists and objects in a row. Python's own limit is for a reader and all its callers, so
that a stage might not read what was taken in by a command."""


def read_files(section: FilesSection) -> dict[str, list[Prompt]]:
    """Reads every file of the section.

    Returns:
        Prompts by split: ``labelled``, ``train``, ``eval`` and the guards.

    Raises:
        PromptsError: Where a file is missing or empty, or a line cannot be used.
    """
    train = read_prompts(RAW / section.train, section)
    if section.labelled is not None:
        labelled = read_prompts(RAW / section.labelled, section)
    else:
        worked = [prompt for prompt in train if prompt.solution is not None]
        labelled = worked[: section.labelled_count or 0]
    known = {prompt.prompt_id for prompt in labelled}
    return {
        "labelled": labelled,
        "train": [_unworked(prompt) for prompt in train if prompt.prompt_id not in known],
        "eval": read_prompts(RAW / section.eval, section),
        **{name: read_prompts(RAW / file, section) for name, file in section.guards.items()},
    }


def _unworked(prompt: Prompt) -> Prompt:
    """The prompt as it is sampled on: its worked solution, if any, is not to be learnt from."""
    fields = {name: getattr(prompt, name) for name in Prompt.__slots__}
    return Prompt(**fields | {"solution": None})


def read_prompts(file: Path, section: FilesSection) -> list[Prompt]:
    """Reads one file, in its order.

    Raises:
        PromptsError: Naming the file, the line, the value and the remedy.
    """
    seen: dict[str, int] = {}
    prompts: list[Prompt] = []
    for number, row in _rows(file):
        prompt = make_prompt(row, file, number, section)
        if prompt.prompt_id in seen:
            raise PromptsError(
                f"{file}:{number}: id {prompt.prompt_id!r} is that of line "
                f"{seen[prompt.prompt_id]} too; ids must be unique"
            )
        seen[prompt.prompt_id] = number
        if is_used(prompt, section):
            prompts.append(prompt)
        if len(prompts) == section.limit:
            break
    if not prompts:
        raise PromptsError(f"{file}: no prompts in it; write one JSON object a line")
    return prompts


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")  # some editors put a byte order mark first
    except UnicodeDecodeError as error:
        raise PromptsError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise PromptsError(
            f"{file}: cannot be read ({error.strerror}); check prompts.files in params.yaml"
        ) from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, parse_row(line, file, number)


def parse_row(line: str, file: Path, number: int) -> dict[str, Any]:
    """The object of a line.

    Raises:
        PromptsError: Naming the file, the line and the remedy.
    """
    try:
        row = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise PromptsError(
            f"{file}:{number}: not JSON ({error.msg} at column {error.colno}); "
            "write one object a line"
        ) from None
    except (ValueError, RecursionError) as error:  # numbers and nesting beyond Python's limits
        raise PromptsError(f"{file}:{number}: cannot be read ({error})") from None
    if not isinstance(row, dict):
        raise PromptsError(f"{file}:{number}: a JSON {type(row).__name__}, not an object")
    if line.count("[") + line.count("{") > _DEEPEST and _is_deep(row):
        raise PromptsError(
            f"{file}:{number}: lists or objects are nested over {_DEEPEST} deep; leave them out"
        )
    _refuse_half_characters(row, line, file, number)
    return row


def _is_deep(row: dict[str, Any]) -> bool:
    level: list[Any] = [row]
    for _ in range(_DEEPEST):
        inside = (one.values() if isinstance(one, dict) else one for one in level)
        level = [each for values in inside for each in values if isinstance(each, dict | list)]
    return bool(level)


def _refuse_constant(name: str) -> None:
    """Python writes what is missing as NaN; read as a text it would be an answer, or a family."""
    raise ValueError(f"{name} is no JSON; write null, or leave the field out")


def _refuse_half_characters(row: dict[str, Any], line: str, file: Path, number: int) -> None:
    """JSON can escape half of a character beyond U+FFFF, which no UTF-8 file can hold."""
    if "\\u" not in line:  # as it was written; the file is UTF-8
        return
    for field, value in row.items():
        try:
            json.dumps([field, value], ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise PromptsError(
                f"{file}:{number}: field {field!r} holds {error.object[error.start]!r}, half a "
                "character; remove it"
            ) from None


def make_prompt(row: dict[str, Any], file: Path, number: int, section: FilesSection) -> Prompt:
    """The prompt of a row.

    Raises:
        PromptsError: Naming the file, the line, the field, the value and the remedy.
    """
    context, text = _question(row, file, number, section)
    where = f"{file}:{number}"
    answers = read_answers(row, section, where)
    solution = row.get(section.solution_field)
    if section.answer_marker is not None:
        answer = read_text(row, section.answer_field, where)
        reasoning, marker, after = answer.rpartition(section.answer_marker)
        if not marker or not after.strip():
            raise PromptsError(
                f"{where}: field {section.answer_field!r} has no answer after "
                f"{section.answer_marker!r}; check prompts.files.answer_marker"
            )
        answers, solution = (after.strip(),), answer
        if section.format == "gsm8k":
            solution = slot_solution(text, reasoning, after.strip())
    if solution is not None and not isinstance(solution, str):
        raise PromptsError(
            f"{where}: field {section.solution_field!r} is {solution!r}; it must be text"
        )
    given, family = row.get(section.id_field), row.get(section.family_field)
    prompt_id = numbered_id(file, number) if given is None else str(given)
    return Prompt(
        prompt_id=prompt_id,
        text=text,
        context=context,
        answers=answers,
        choices=read_choices(row, section, where),
        solution=solution,
        family=prompt_id if family is None else str(family),
        source=file.name,
        licence=section.licence,
    )


def _question(
    row: dict[str, Any], file: Path, number: int, section: FilesSection
) -> tuple[tuple[Turn, ...], str]:
    """The turns before, and the text: from the field of messages, or from that of the prompt."""
    messages = row.get(section.messages_field)
    if messages is None:
        return (), read_text(row, section.prompt_field, f"{file}:{number}")
    where = f"{file}:{number}: field {section.messages_field!r}"
    if row.get(section.prompt_field) is not None:
        raise PromptsError(
            f"{where} and field {section.prompt_field!r} are both there; remove one, or set "
            "prompts.files.messages_field or prompts.files.prompt_field to another name"
        )
    *before, last = read_messages(messages, where)
    return tuple(before), last.content.strip()


def numbered_id(file: Path, number: int) -> str:
    """Id of a prompt whose row has none, by its file and line."""
    return f"{file.stem}-{number:05d}"


def is_used(prompt: Prompt, section: FilesSection) -> bool:
    """Whether its worked solution has no more than ``max_calculations``; unknown is too many."""
    if section.max_calculations is None:
        return True
    return prompt.solution is not None and prompt.solution.count("=") <= section.max_calculations
