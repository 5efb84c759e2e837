"""Text that others wrote, in Markdown: names of files and sources, licences, what a check said."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Line breaks, which would begin a block, and what turns the direction of writing."""
_SPECIAL = re.compile(r"([\\`*_\[\]~$])")
"""What begins something within a line; what does so at its start, no such text stands at."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", "|": "&#124;", "://": "&#58;//"}
"""What a backslash does not help with: tables are split first, and addresses become links."""


def escape_markdown(text: str) -> str:
    """A text as it is, on one line: no tag, link, image, table cell or emphasis begins in it."""
    line = _SPECIAL.sub(r"\\\1", _CONTROL.sub(" ", text))
    for plain, entity in _ENTITIES.items():
        line = line.replace(plain, entity)
    return line


def code(text: str) -> str:
    """A text of ours as code: a hash, a path, a tag."""
    return "`" + _CONTROL.sub(" ", text).replace("`", "") + "`"
