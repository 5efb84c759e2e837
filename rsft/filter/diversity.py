"""Keeping different completions: no copies, no near copies, no second use of the same path.

All of it looks at the completions of one prompt, among those that the rule accepted.

    duplicate        the text of an earlier draw
    near_duplicate   Jaccard similarity of its word 3-grams to an earlier kept one, found by MinHash
                     (Broder 1997) and then computed exactly, so that nothing is dropped by mistake
    same_path        the equations of one that is kept (RFT, Yuan et al. 2023, arXiv 2308.01825);
                     which of them stays is decided farthest edit distance first
"""

from collections.abc import Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH
from rapidfuzz.distance import Levenshtein

from rsft.filter.ranking import place_in_prompt
from rsft.prompts.equations import equations

_WORDS = 3
_PERMUTATIONS = 128
_MISSED = 1e-3
"""Chance that two texts exactly at the threshold are not compared."""


def duplicates(prompt_N: np.ndarray, draw_N: np.ndarray, text_key_N: np.ndarray) -> np.ndarray:
    """Whether each row has the text of an earlier draw of its prompt."""
    texts = np.unique(text_key_N, return_inverse=True)[1]
    group_N = prompt_N.astype(np.int64) * (texts.max(initial=0) + 1) + texts
    is_copy_N: np.ndarray = place_in_prompt(group_N, draw_N) > 0
    return is_copy_N


def near_duplicates(texts: Sequence[str], similarity: float) -> list[bool]:
    """Whether each text is nearly the same as an earlier one that is not.

    Args:
        texts: Completions of one prompt.
        similarity: The least Jaccard similarity of word 3-grams at which two are nearly the same.
    """
    shingles = [_shingles(text) for text in texts]
    encoded = ([shingle.encode() for shingle in sorted(mine)] for mine in shingles)
    signatures = MinHash.bulk(encoded, num_perm=_PERMUTATIONS)
    index = MinHashLSH(num_perm=_PERMUTATIONS, params=_bands(similarity))
    found = []
    for number, (mine, signature) in enumerate(zip(shingles, signatures, strict=True)):
        is_near = any(_jaccard(mine, shingles[k]) >= similarity for k in index.query(signature))
        if not is_near:
            index.insert(number, signature)
        found.append(is_near)
    return found


def farthest_paths(texts: Sequence[str]) -> list[int]:
    """One text of each path, farthest first.

    The first text comes first; then, of those whose equations none before it used, the one whose
    nearest among those before it is farthest in edit distance. A text without equations is a path
    of its own.

    Returns:
        Numbers of the texts that stay, in that order.
    """
    paths = [equations(text) or text for text in texts]
    open_ = dict.fromkeys(range(len(texts)), np.inf)
    order: list[int] = []
    while open_:
        chosen = max(open_, key=lambda k: (open_[k], -k))
        order.append(chosen)
        open_ = {
            k: min(nearest, Levenshtein.distance(texts[k], texts[chosen]))
            for k, nearest in open_.items()
            if paths[k] != paths[chosen]
        }
    return order


def _shingles(text: str) -> frozenset[str]:
    words = text.casefold().split()
    if len(words) <= _WORDS:
        return frozenset([" ".join(words)])
    return frozenset(" ".join(words[k : k + _WORDS]) for k in range(len(words) - _WORDS + 1))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def _bands(similarity: float) -> tuple[int, int]:
    """Bands and rows of the index: the longest bands that miss no more than ``_MISSED``."""
    for rows in range(_PERMUTATIONS // 2, 1, -1):
        bands = _PERMUTATIONS // rows
        if (1 - similarity**rows) ** bands <= _MISSED:
            return bands, rows
    return _PERMUTATIONS, 1
