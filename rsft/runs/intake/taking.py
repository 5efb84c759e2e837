"""Taking prompts in as the command line and the schedule do: held, added, versioned."""

from collections.abc import Callable
from pathlib import Path

from rsft.config import RAW, Config
from rsft.errors import LineageError
from rsft.lineage import (
    Addition,
    Workspace,
    fetch_pointed,
    pointed_at,
    pointer_of,
    read_additions,
    version_input,
)
from rsft.runs.intake.adding import add_prompts
from rsft.runs.intake.version import md5_if_there

OnWait = Callable[[str], None]


def take_in(
    workspace: Workspace,
    config: Config,
    file: Path,
    *,
    follow: bool = True,
    on_wait: OnWait | None = None,
) -> Addition:
    """Adds a file's prompts to those of a workspace, and makes a version of them.

    Args:
        workspace: The checkout, which must be the current folder.
        config: Its settings.
        file: What to add.
        follow: Whether it may be a symbolic link.
        on_wait: As ``Workspace.hold``.

    Raises:
        LineageError: Where ``take_upstream`` has to come first, or DVC cannot make the version.
        RsftError: As ``add_prompts``; or where a run holds the workspace.
    """
    with workspace.hold("prompts-add", on_wait=on_wait):
        train = _train(config)
        if train is not None and _is_newer(train):
            raise LineageError(
                f"{pointer_of(train)} tells of a version that came meanwhile; add the file again"
            )
        addition = add_prompts(file, config, follow=follow)
        assert train is not None, "add_prompts has refused it"
        # It may be of an older version though nothing is new: where an addition was cut off.
        if addition.fingerprint and pointed_at(train) != addition.fingerprint:
            version_input(workspace, train)
        return addition


def take_upstream(
    workspace: Workspace, config: Config, *, on_wait: OnWait | None = None
) -> Addition | None:
    """Adds the prompts of a version that somebody else has made, and that came by git.

    What is here stays: a version that lacks some of it takes nothing away.

    Args:
        workspace: The checkout, which must be the current folder.
        config: Its settings.
        on_wait: As ``Workspace.hold``.

    Returns:
        What came of it; null where the pointer tells of nothing but what was here before.

    Raises:
        RsftError: As ``take_in``; or where the version cannot be fetched.
    """
    train = _train(config)
    if train is None or not _is_newer(train):
        return None
    fetched = fetch_pointed(workspace, train)
    with workspace.hold("prompts-add", on_wait=on_wait):
        addition = add_prompts(fetched, config, name=pointer_of(train).name)
        version_input(workspace, train)
        return addition


def current_version(config: Config) -> str:
    """MD5 of the training file that is there; empty where there is none, or none is one's own."""
    train = _train(config)
    return "" if train is None else md5_if_there(train)


def _train(config: Config) -> Path | None:
    """The training file; null where prompts are made from the seed."""
    files = config.prompts.files
    return None if config.prompts.source != "files" or files is None else RAW / files.train


def _is_newer(train: Path) -> bool:
    """Whether the pointer tells of a version that is not here, and never was."""
    pointed = pointed_at(train)
    if pointed is None or pointed == md5_if_there(train):
        return False
    return all(pointed not in (one["before"], one["fingerprint"]) for one in read_additions())
