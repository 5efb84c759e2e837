"""Annotated tags that say what happened: a title, and a JSON document with the rest.

They are written by git itself, so that they are signed where git signs.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rsft.lineage.git import run_git
from rsft.lineage.snapshot import tagger


def write_tag(
    root: Path,
    name: str,
    commit: str,
    title: str,
    document: Mapping[str, Any],
    *,
    at: datetime | None = None,
) -> None:
    """Writes an annotated tag.

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
    message = f"{title}\n\n{json.dumps(dict(document), indent=1)}\n"
    command = ("tag", "--annotate", "--cleanup=verbatim", "--file=-", "--", name, commit)
    environment = tagger(root)
    if at is not None:
        environment |= {"GIT_COMMITTER_DATE": f"@{at.timestamp():.0f} +0000"}
    run_git(root, *command, environment=environment, given=message)
