"""DVC's settings of remotes, as git and each run's tag keep them: without keys and passwords."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from rsft.addresses import has_secret
from rsft.errors import WorkspaceError

_NAMES = re.compile(
    r"secret|token$|(?<!ask_)password$|passphrase$|connection_string$|_key$|^access_key_id$"
)
"""Of settings that are secrets, or tell whose they are."""


def require_no_secrets(root: Path) -> None:
    """Refuses settings with a secret where git keeps it.

    Args:
        root: A checkout.

    Raises:
        WorkspaceError: Which it is, and where it belongs.
    """
    from dvc.config import Config

    for remote, settings in Config(str(root / ".dvc")).read("repo").get("remote", {}).items():
        for name, value in settings.items():
            if _NAMES.search(name) or _has_secret(str(value)):
                raise WorkspaceError(
                    f"{root / '.dvc' / 'config'}: {name} of remote {remote!r} is a secret or has "
                    "one, which every run's tag would keep; take it out, and set it in the "
                    f"environment or by `dvc remote modify --local {remote} {name} …`"
                )


def _has_secret(address: str) -> bool:
    """Whether an address has one; a bucket has no user, so there it is a key."""
    parts = urlsplit(address)
    return has_secret(address) or (parts.scheme == "s3" and "@" in parts.netloc)
