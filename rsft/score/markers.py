r"""Where a completion says what its answer is: behind the last marker.

``#### 12`` marks the rest of the line, or the next line that is not blank; a marker that ends in
braces, ``\boxed{}``, marks what lies between them, nested ones included.
"""

import re

_LINE = re.compile(r"\s*([^\r\n]*)")
_BRACE = re.compile(r"[{}]")


def read_answer(completion: str, marker: str | None) -> str | None:
    """The answer that a completion states.

    Args:
        completion: Hostile input.
        marker: What marks the answer; null: the whole completion is the answer.

    Returns:
        The answer without the white space around it; empty where the marker marks nothing, None
        where it does not occur.
    """
    if marker is None:
        return completion.strip()
    opening = marker[:-1] if marker.endswith("{}") else marker
    start = _last(completion, opening)
    if start is None:
        return None
    return _braced(completion, start) if opening != marker else _line(completion, start)


def mark(answer: str, marker: str | None) -> str:
    """A completion in which ``read_answer`` reads this answer."""
    if marker is None:
        return answer
    return f"{marker[:-1]}{answer}}}" if marker.endswith("{}") else f"{marker} {answer}"


def _last(text: str, opening: str) -> int | None:
    """The index behind the last marker; one that begins with a letter must begin a word."""
    start = text.rfind(opening)
    while start > 0 and opening[0].isalnum() and text[start - 1].isalnum():
        start = text.rfind(opening, 0, start)
    return None if start < 0 else start + len(opening)


def _line(text: str, start: int) -> str:
    match = _LINE.match(text, start)
    assert match is not None
    return match[1].strip()


def _braced(text: str, start: int) -> str:
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[start : brace.start()].strip()
    return ""
