"""Text of others on a terminal: what models, prompts and errors say may hold what it would obey."""


def plain(text: str, keep: str = "") -> str:
    r"""The text with what is not printable spelt out: an escape is ``\x1b``.

    Args:
        text: Anything.
        keep: Characters that stay as they are, though they are not printable.
    """
    return "".join(
        char if char.isprintable() or char in keep else repr(char)[1:-1] for char in text
    )
