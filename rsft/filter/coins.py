"""Uniform numbers of candidates, each with an address: purpose, seed, round, prompt and draw."""

import numpy as np

from rsft.filter.columns import Candidates
from rsft.randomness import address_key, uniforms

_PASS = 1 << 32
"""Draws are numbered below it, so that pass and draw make one counter."""


class Coins:
    """The coins of a round's candidates."""

    def __init__(self, candidates: Candidates, *, seed: int, round: int) -> None:  # noqa: A002
        self._candidates = candidates
        self._address = seed, round
        self._key_P: dict[str, np.ndarray] = {}

    def toss(self, purpose: str, rows: np.ndarray | None = None, number: int = 0) -> np.ndarray:
        """A uniform number for each of some rows, or of all.

        Args:
            purpose: What they are for: no two purposes share a coin.
            rows: Numbers of the rows.
            number: Which toss of that row, below 2³¹.
        """
        chosen = slice(None) if rows is None else rows
        key_N = self._keys(purpose)[self._candidates.prompt_N[chosen]]
        return uniforms(key_N, self._candidates.draw_N[chosen].astype(np.int64) + number * _PASS)

    def _keys(self, purpose: str) -> np.ndarray:
        """The key of each prompt, (P,) uint64."""
        if purpose not in self._key_P:
            named_P = self._candidates.prompt_ids
            keys = [address_key(purpose, *self._address, prompt_id) for prompt_id in named_P]
            self._key_P[purpose] = np.array(keys, np.uint64)
        return self._key_P[purpose]
