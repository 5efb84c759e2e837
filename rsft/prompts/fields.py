"""Fields of a row: texts, the gold answers, the choices. What does not fit is named by its line."""

from typing import Any

from rsft.config import FilesSection
from rsft.errors import PromptsError


def read_text(row: dict[str, Any], field: str, where: str) -> str:
    """A field that must hold a text, or a number; without white space around it.

    Args:
        row: An object read from JSON.
        field: The field's name.
        where: File and line, for messages of errors.

    Raises:
        PromptsError: Where it is missing, empty, or something else.
    """
    text = _plain(row.get(field))
    if text is None:
        there = f"there are {', '.join(row)}" if row else "the object has none"
        problem = f"is {row[field]!r}" if field in row else f"is missing; {there}"
        raise PromptsError(
            f"{where}: field {field!r} {problem}; it must be a text that is not empty"
        )
    return text


def read_answers(row: dict[str, Any], section: FilesSection, where: str) -> tuple[str, ...]:
    """The gold answers: one text, or a list of texts, each once.

    An empty list says that none is known, as for a dialogue; a field that is missing is a mistake.

    Raises:
        PromptsError: Where it is neither.
    """
    value = row.get(section.answer_field)
    if not isinstance(value, list) or section.answer_marker is not None:
        return (read_text(row, section.answer_field, where),)
    return tuple(dict.fromkeys(_texts(value, f"{where}: field {section.answer_field!r}")))


def read_choices(row: dict[str, Any], section: FilesSection, where: str) -> tuple[str, ...]:
    """The choices in their order; none where the row has no such field.

    Raises:
        PromptsError: Where it is no list of two texts or more.
    """
    value = row.get(section.choices_field)
    if value is None:
        return ()
    place = f"{where}: field {section.choices_field!r}"
    if not isinstance(value, list) or len(value) < 2:
        raise PromptsError(f"{place} is {value!r}; it must be a list of two texts or more")
    return _texts(value, place)


def _texts(values: list[Any], where: str) -> tuple[str, ...]:
    texts = []
    for value in values:
        text = _plain(value)
        if text is None:
            raise PromptsError(f"{where} holds {value!r}; each must be a text that is not empty")
        texts.append(text)
    return tuple(texts)


def _plain(value: Any) -> str | None:
    """A text or number as a text without white space around it; null where nothing is left."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return value.strip() or None if isinstance(value, str) else None
