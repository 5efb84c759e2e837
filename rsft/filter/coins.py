"""Uniform numbers of candidates, each with an address: purpose, seed, round, prompt and draw."""

from dataclasses import dataclass

import numpy as np

from rsft.filter.columns import Candidates
from rsft.randomness import address_key, uniforms

_PASS = 1 << 32
"""Draws are numbered below it, so that pass and draw make one counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coins:
    """The coins of a round's candidates."""

    candidates: Candidates
    """Whose they are."""
    seed: int
    """Root of the addresses."""
    round: int
    """The round."""

    def toss(self, purpose: str, rows: np.ndarray | None = None, number: int = 0) -> np.ndarray:
        """A uniform number for each of some rows, or of all.

        Args:
            purpose: What they are for: no two purposes share a coin.
            rows: Numbers of the rows.
            number: Which toss of that row, below 2³¹.
        """
        chosen = slice(None) if rows is None else rows
        key_P = [
            address_key(purpose, self.seed, self.round, prompt_id)
            for prompt_id in self.candidates.prompt_ids
        ]
        key_N = np.array(key_P, np.uint64)[self.candidates.prompt_N[chosen]]
        return uniforms(key_N, self.candidates.draw_N[chosen].astype(np.int64) + number * _PASS)
