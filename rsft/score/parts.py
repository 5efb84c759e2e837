"""Parts that were scored, kept beside the stage's outputs: a judge that was asked is asked no more.

    .rsft/scores/<round>-<plan>/<candidates>.<contents>.parquet     hashes of what was scored, and
                                                                    of what is in the file

A part is kept once it is scored, whole or not at all, and handed on byte by byte. One that is not
what its name says is scored again. Of a round there are the parts of one plan: with other settings
it is scored anew.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rsft.ledger import file_sha256, written_whole


class ScoredParts:
    """Parts of a round that were scored under a plan."""

    def __init__(self, root: Path, key: str, plan: Mapping[str, Any]) -> None:
        """Opens them, and removes those under other plans.

        Args:
            root: Folder of all rounds' parts.
            key: The round.
            plan: Everything that a score is a function of beside the candidates, as JSON.
        """
        text = json.dumps(plan, sort_keys=True)
        self._folder = root / f"{key}-{hashlib.sha256(text.encode()).hexdigest()[:20]}"
        for other in set(root.glob(f"{key}-*")) - {self._folder}:
            shutil.rmtree(other)

    def take(self, candidates: Path, target: Path) -> bool:
        """Writes the scores of a part of candidates, where they are kept; whether they are.

        Raises:
            LedgerError: Where they cannot be written.
        """
        for kept in self._folder.glob(f"{file_hash(candidates)}.*.parquet"):
            if kept.suffixes[-2] == f".{file_hash(kept)}":
                _copy(kept, target)
                return True
            kept.unlink()
        return False

    def keep(self, candidates: Path, scored: Path) -> None:
        """Keeps the scores of a part of candidates.

        Raises:
            LedgerError: Where they cannot be written.
        """
        name = f"{file_hash(candidates)}.{file_hash(scored)}.parquet"
        _copy(scored, self._folder / name)

    def clear(self) -> None:
        """Removes them, where they are no use."""
        shutil.rmtree(self._folder, ignore_errors=True)


def file_hash(file: Path) -> str:
    """Hash of a file's content."""
    return file_sha256(file)[:32]


def _copy(source: Path, target: Path) -> None:
    with written_whole(target) as temporary:
        shutil.copyfile(source, temporary)
