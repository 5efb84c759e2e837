"""Where the code of a checkout is found by others: its commit, and the address it comes from."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from rsft.errors import WorkspaceError
from rsft.lineage.git import run_git
from rsft.lineage.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a checkout was at."""

    url: str
    """Address of its remote ``origin``, without a password; without one, its folder's."""
    commit: str
    """The commit it was at; files may have been edited since."""


def source_of(workspace: Workspace) -> Source:
    """Where a checkout's code comes from.

    Raises:
        WorkspaceError: Where there is no commit yet.
    """
    try:
        url = run_git(workspace.home, "remote", "get-url", "origin")
    except WorkspaceError:
        url = workspace.home.resolve().as_uri()
    commit = run_git(workspace.root, "rev-parse", "--verify", "HEAD")
    return Source(url=_without_password(url), commit=commit)


def _without_password(url: str) -> str:
    """The address as anyone may read it: tokens stand before the ``@``, or as parameters."""
    if "://" not in url:
        return url  # a folder, or user@host:path, which holds none
    scheme, place, path, _, _ = urlsplit(url)
    return urlunsplit((scheme, place.rpartition("@")[2], path, "", ""))
