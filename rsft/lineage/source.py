"""Where others find the code of a run: its commit, and the address it comes from."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from rsft.errors import WorkspaceError
from rsft.lineage.git import run_git
from rsft.lineage.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where to find the code that a run ran."""

    url: str
    """Address of its remote ``origin``, without a password; without one, its folder's."""
    commit: str
    """The commit that its tag points at; before there is one, that which the checkout is at, of
    which files may have been edited."""


def source_of(workspace: Workspace, tag: str) -> Source:
    """Where a run's code is found.

    Args:
        workspace: The checkout that it runs in.
        tag: Its tag, which is made when it ends.

    Raises:
        WorkspaceError: Where there is no commit yet.
    """
    try:
        url = run_git(workspace.home, "remote", "get-url", "origin")
    except WorkspaceError:
        url = workspace.home.resolve().as_uri()
    try:
        commit = run_git(workspace.root, "rev-parse", "--verify", f"refs/tags/{tag}^{{commit}}")
    except WorkspaceError:
        commit = run_git(workspace.root, "rev-parse", "--verify", "HEAD")
    return Source(url=_without_password(url), commit=commit)


def _without_password(url: str) -> str:
    """The address as anyone may read it: tokens stand before the ``@``, or as parameters."""
    if "://" not in url:
        return url  # a folder, or user@host:path, which holds none
    scheme, place, path, _, _ = urlsplit(url)
    return urlunsplit((scheme, place.rpartition("@")[2], path, "", ""))
