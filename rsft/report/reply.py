"""A model's reply for the terminal."""

from collections.abc import Iterator, Sequence

from rsft.report.plain import plain


def reply_lines(completion: str, steps: Sequence[str], answer: str | None) -> Iterator[str]:
    """The worked steps, or else the text; then the answer, where the text is more than that."""
    yield from steps or [plain(completion, keep="\n\t")]
    if answer is None:
        yield "answer: none found"
    elif answer != completion.strip():
        yield f"answer: {plain(answer)}"
