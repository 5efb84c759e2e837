"""Forgetting: what is named stays out of every run to come."""

from datetime import UTC, datetime

from rsft.prompts.forgotten import Forgotten, add_forgotten, digest, is_named_by_source
from rsft.rows.naming import Wanted


def forget(wanted: Wanted, reason: str | None) -> bool:
    """Adds it to ``data/forgotten.jsonl`` of the current folder, as hashes.

    Args:
        wanted: What.
        reason: Why, if that is to be kept.

    Returns:
        Whether it is new to the list.

    Raises:
        PromptsError: Where the list cannot be read.
    """
    prompt = wanted.prompt
    entry = Forgotten(
        kind=wanted.kind,
        hash=wanted.hash,
        id=None if prompt is None else digest("id", prompt.prompt_id),
        by_id=prompt is not None and is_named_by_source(prompt),
        reason=reason,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return add_forgotten(entry)
