"""Which parts of a ledger may hold a prompt, in twelve bytes a prompt and part.

A prompt's hash stands for it: two of the same hash cost a look into a part that does not hold the
one asked for, and no more. Parts are entered one by one and sorted runs of like size merged, so
that entering N prompts takes N log² N steps and asking for a few of them log² N each.
"""

from collections.abc import Collection, Hashable, Iterable

import numpy as np


class PartIndex:
    """Numbers of parts, by what is in them."""

    def __init__(self) -> None:
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, part: int, prompts: Iterable[Hashable]) -> None:
        """Enters the prompts of a part."""
        key_E = np.unique(_hashes(prompts))
        part_E = np.full(len(key_E), part, dtype=np.uint32)
        while self._runs and len(self._runs[-1][0]) < 2 * len(key_E):
            older_key, older_part = self._runs.pop()
            key_E, part_E = np.append(older_key, key_E), np.append(older_part, part_E)
            order = np.argsort(key_E, kind="stable")
            key_E, part_E = key_E[order], part_E[order]
        self._runs.append((key_E, part_E))

    def parts_of(self, prompts: Collection[Hashable]) -> list[int]:
        """All parts that hold one of some prompts, and few others, in the order of entering."""
        key_A = _hashes(prompts)
        parts: set[int] = set()
        for key_E, part_E in self._runs:
            asked, place = key_A, np.searchsorted(key_E, key_A)
            while len(place):  # once, and once more for each further part of a prompt
                asked, place = asked[place < len(key_E)], place[place < len(key_E)]
                is_same = key_E[place] == asked
                asked, place = asked[is_same], place[is_same]
                parts.update(part_E[place].tolist())
                place = place + 1
        return sorted(parts)


def _hashes(prompts: Iterable[Hashable]) -> np.ndarray:
    return np.fromiter(map(hash, prompts), dtype=np.int64)
