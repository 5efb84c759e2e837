"""What changed underneath a run: code, settings and inputs that are not as they were at its start.

Code and settings are compared by their hashes. A module that was edited between its import and the
start is not what runs either, though it is as it was at the start. What the user brings may be
large, so it is compared by size, times and inode: whoever sets a file's time back cannot hide the
change, and whoever only touches a file is told so too.
"""

import ast
import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import rsft
from rsft.errors import LineageError

_PATTERNS = ("rsft/**/*.py", "rsft/**/*.json", "flows/**/*.py")
_SETTINGS = ("dvc.yaml", "params.yaml", "mlflow/policy.yaml", "constraints.txt")


class Baseline:
    """Code, settings and inputs of a checkout as they are when this is made."""

    def __init__(self, root: Path, inputs: Callable[[], Iterable[Path]]) -> None:
        """Notes them.

        Args:
            root: The checkout.
            inputs: Lists the files that the user brings.
        """
        self._root = root
        self._inputs = inputs
        self._code_then = _hash_code(root)
        self._stale = _edited_since_import(root)
        self._inputs_then = self._stat_inputs()

    def code_changed(self) -> set[str]:
        """Files of code and settings that are not what runs."""
        return self._stale | _differing(self._code_then, _hash_code(self._root))

    def inputs_changed(self) -> set[str]:
        """Files that the user brings and that were touched, came or went since."""
        return _differing(self._inputs_then, self._stat_inputs())

    def _stat_inputs(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for file in filter(Path.exists, self._inputs()):
            told = file.stat()
            key = str(file.relative_to(self._root))
            found[key] = (told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino)
        return found


def require_parsing(root: Path) -> None:
    """Refuses code that is no Python: a stage is imported when its turn comes, hours later.

    Raises:
        LineageError: Naming the first file and line.
    """
    for name in code_files(root):
        if name.suffix != ".py":
            continue
        try:
            compile((root / name).read_bytes(), str(name), "exec", ast.PyCF_ONLY_AST)
        except (SyntaxError, ValueError) as error:  # ValueError: a null byte
            raise unparsed(error, name) from None


def unparsed(error: SyntaxError | ValueError, file: Path | str | None) -> LineageError:
    """The error where a file of code is no Python."""
    line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    told = error.msg if isinstance(error, SyntaxError) else str(error)
    return LineageError(
        f"{file}{line}: no Python that can be read ({told}); mend it and commit: scheduled runs "
        "work at the checkout's commit"
    )


def code_files(root: Path) -> list[Path]:
    """Files of code and settings, by their paths in the checkout."""
    files = [file for pattern in _PATTERNS for file in root.glob(pattern)]
    files += [root / name for name in _SETTINGS if (root / name).exists()]
    return [file.relative_to(root) for file in files]


def _hash_code(root: Path) -> dict[str, str]:
    """SHA-256 by path of each file of code and settings."""
    return {
        str(file): hashlib.sha256((root / file).read_bytes()).hexdigest()
        for file in code_files(root)
    }


def _edited_since_import(root: Path) -> set[str]:
    """Modules of a checkout that are not what was imported, as far as the files' times tell."""
    edited = set()
    for module in list(sys.modules.values()):
        named = getattr(module, "__file__", None)
        if not named or not {"rsft", "flows"} & set(Path(named).parts):
            continue
        file = Path(named).resolve()
        ours = (root / "rsft", root / "flows")
        if any(map(file.is_relative_to, ours)) and _is_newer(file, rsft.IMPORTED_AT):
            edited.add(str(file.relative_to(root)))
    return edited


def _is_newer(file: Path, moment: float) -> bool:
    """Whether a file was written, moved or removed since; a copied time does not hide it.

    A time that is yet to come tells nothing: the clock was set back since.
    """
    return not file.exists() or moment < file.stat().st_ctime <= time.time()


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Keys whose values are not the same in both."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
