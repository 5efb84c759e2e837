"""Taking prompts in as the command line and the schedule do: held, added, versioned."""

from collections.abc import Callable
from pathlib import Path

from rsft.config import RAW, Config
from rsft.lineage import Workspace, version_input
from rsft.runs.intake.adding import add_prompts
from rsft.runs.intake.journal import Addition
from rsft.runs.intake.version import md5_of_file


def take_in(
    workspace: Workspace,
    config: Config,
    file: Path,
    *,
    follow: bool = True,
    on_wait: Callable[[str], None] | None = None,
) -> Addition:
    """Adds a file's prompts to those of a workspace, and makes a version of them.

    Args:
        workspace: The checkout, which must be the current folder.
        config: Its settings.
        file: What to add.
        follow: Whether it may be a symbolic link.
        on_wait: As ``Workspace.hold``.

    Raises:
        RsftError: As ``add_prompts`` and ``version_input``; or where a run holds the workspace.
    """
    with workspace.hold("prompts-add", on_wait=on_wait):
        addition = add_prompts(file, config, follow=follow)
        assert config.prompts.files is not None, "add_prompts has refused it"
        train = RAW / config.prompts.files.train
        if addition.new or not _is_versioned(train, addition.fingerprint):
            version_input(workspace, train)
        return addition


def current_version(config: Config) -> str:
    """MD5 of the training file that is there; empty where there is none, or none is one's own."""
    files = config.prompts.files
    if config.prompts.source != "files" or files is None:
        return ""
    return md5_of_file(RAW / files.train)


def _is_versioned(train: Path, fingerprint: str) -> bool:
    """Whether the pointer is of what is there; it may not be where an addition was cut off."""
    pointer = train.with_name(f"{train.name}.dvc")
    if not fingerprint:
        return True
    return pointer.exists() and fingerprint in pointer.read_text(encoding="utf-8")
