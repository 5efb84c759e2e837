"""Looking for files in a folder, and nowhere else."""

from collections.abc import Iterator
from pathlib import Path


def glob_inside(folder: Path, pattern: str) -> Iterator[Path]:
    """What matches below a folder, but for links, and for what lies behind links in it."""
    top = folder.resolve()
    for path in folder.glob(pattern):
        is_behind = path.parent.resolve() != top / path.parent.relative_to(folder)
        if not is_behind and not path.is_symlink():
            yield path
