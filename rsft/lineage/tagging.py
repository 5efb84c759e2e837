"""Annotated tags that say what happened: a title, and mostly a JSON document with the rest.

They are written by git itself, so that they are signed where git signs.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rsft.errors import WorkspaceError
from rsft.lineage.git import run_git

_PATIENCE = 60.0
"""Seconds that git may take to sign a tag."""

_WRONG = timedelta(days=1)
"""How far ahead of the clock a tag's time may be, for it to have been right when it was written."""

_ANONYMOUS = {
    "GIT_AUTHOR_NAME": "rsft",
    "GIT_AUTHOR_EMAIL": "rsft@localhost",
    "GIT_COMMITTER_NAME": "rsft",
    "GIT_COMMITTER_EMAIL": "rsft@localhost",
}
"""Who tags where git does not know who is at work, as on a fresh machine."""


def write_tag(
    root: Path,
    name: str,
    commit: str,
    title: str,
    document: Mapping[str, Any],
    *,
    at: datetime | None = None,
) -> None:
    """Writes an annotated tag with a document.

    Args:
        root: A checkout.
        name: Of the tag.
        commit: What it points at.
        title: What happened, in one line.
        document: The rest; pure ASCII in the tag, so that no text in it can end or break it.
        at: When it happened; null for now.

    Raises:
        WorkspaceError: Where there is such a tag already, or git cannot sign it.
    """
    annotate(root, name, commit, f"{title}\n\n{json.dumps(dict(document), indent=1)}\n", at=at)


def annotate(
    root: Path, name: str, commit: str, message: str, *, at: datetime | None = None
) -> None:
    """Writes an annotated tag, signed where git signs tags; arguments and errors as there."""
    command = ("tag", "--annotate", "--cleanup=verbatim", "--file=-", "--", name, commit)
    environment = tagger(root)
    if at is not None:
        environment |= {"GIT_COMMITTER_DATE": f"@{at.timestamp():.0f} +0000"}
    signs = run_git(root, "config", "--default=false", "--type=bool", "tag.gpgSign") == "true"
    try:
        run_git(root, *command, environment=environment, given=message, patience=_PATIENCE)
    except WorkspaceError as error:
        if not signs:
            raise
        raise _unsigned(str(error)) from None
    # Some gits say what is wrong with the key, and go on.
    format_ = "--format=%(contents:signature)"
    if signs and not run_git(root, "for-each-ref", format_, f"refs/tags/{name}"):
        run_git(root, "tag", "--delete", name)
        raise _unsigned(f"git tag failed in {root}: no signature was made")


def next_time(times: Iterable[datetime]) -> datetime:
    """When a tag is dated that comes after others: now, or a second after the latest of them.

    Git tells whole seconds, and GTO goes by them; and a clock may be set back. Times a day ahead
    are of a clock that was wrong: they date nothing.

    Args:
        times: Of the others.
    """
    now = datetime.now(UTC)
    dated = [time + timedelta(seconds=1) for time in times if time - now < _WRONG]
    return max([now, *dated])


def is_ahead(at: str) -> bool:
    """Whether a tag's time, in ISO 8601, is so far ahead of the clock, or out of any calendar."""
    try:
        return datetime.fromisoformat(at) - datetime.now(UTC) >= _WRONG
    except ValueError:
        return True


def tagger(root: Path) -> dict[str, str]:
    """Variables that say who is at work, where git does not know."""
    try:
        for role in ("AUTHOR", "COMMITTER"):
            run_git(root, "var", f"GIT_{role}_IDENT")
    except WorkspaceError:
        return dict(_ANONYMOUS)
    return {}


def _unsigned(what: str) -> WorkspaceError:
    return WorkspaceError(
        f"{what}; git is set to sign tags: unlock the key or name one that is there, or `git "
        "config tag.gpgSign false`, and do it again: what was made so far is kept"
    )
