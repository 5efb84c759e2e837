"""Which texts have the word n-grams of some others: an inverted index over hashes, in NumPy.

The texts sought are few (evaluation prompts), those searched are many (training rows). Each word of
a sought text has a number of 64 random bits, and an n-gram's hash is a polynomial in the numbers of
its words, modulo 2⁶⁴. All windows of a batch of texts are hashed at once, but for those that hold a
word no sought text has. Two n-grams share a hash with a probability of about 2⁻⁶⁴: with 10⁶ of them
sought in 10⁸, in one search of 200,000.

A text of fewer words than n is sought as a whole. n-grams that many sought texts of a group have
are wording, such as an instruction before every question. Neither they count nor those of which
more than half the words stand in one, which say little but how a question begins.

Memory is bounded by the index, one batch and ``_PAIRS``; a text is never cut.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise, repeat

import numpy as np

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_BATCH_CHARACTERS = 1 << 22
_PAIRS = 1 << 23
"""Pairs of an n-gram found and a text that has it, held at once."""
_MANY, _SHARE = 10, 0.1
"""An n-gram is wording where more texts of its group have it than either of these."""
_BOUNDARY = "\0"
"""Stands after each text; no folded text holds one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """One text to be looked for."""

    text: str
    """Folded."""
    group: int
    """Which texts it shares its wording with."""
    is_calculation: bool
    """Whether only n-grams count of which at least half the words are of letters alone: two
    calculations may be the same, and neither a copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NgramIndex:
    """The n-grams of I texts: G different ones, P pairs of one and a text that has it."""

    numbers: Mapping[str, int]
    """Each word's 64 random bits."""
    widths: Sequence[int]
    """Lengths of the n-grams: n, and those of shorter texts."""
    hash_G: np.ndarray
    """Ascending."""
    may_have: np.ndarray
    """By a hash's first bits, whether there may be such an n-gram: sooner looked up than found."""
    first_G: np.ndarray
    """(G + 1,) where the pairs of each start."""
    item_P: np.ndarray
    """The text of each pair."""
    total_I: np.ndarray
    """Different n-grams of each text that count."""


def build_index(sought: Sequence[Sought], words: int) -> NgramIndex:
    """Indexes the n-grams of texts.

    Args:
        sought: I texts.
        words: The n.
    """
    spoken = {word for item in sought for word in item.text.split()}
    numbers = {word: _number(word) for word in spoken}
    hash_S, item_S = _that_count(sought, numbers, words)
    hash_P, item_P = _distinct(hash_S, item_S)
    hash_G, first_G = np.unique(hash_P, return_index=True)
    bits = len(hash_G).bit_length() + 5  # at most one in 32 is true
    may_have = np.zeros(1 << bits, bool)
    may_have[hash_G >> np.uint64(64 - bits)] = True
    return NgramIndex(
        numbers=numbers,
        widths=sorted({_width(item, words) for item in sought} - {0}),
        hash_G=hash_G,
        may_have=may_have,
        first_G=np.append(first_G, len(hash_P)),
        item_P=item_P,
        total_I=np.bincount(item_P, minlength=len(sought)),
    )


def search(
    index: NgramIndex, texts: Sequence[str]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Searches folded texts for the n-grams of the index.

    Yields:
        Batch by batch, for each pair of a text and a sought one that share an n-gram: the number of
        the text, that of the sought one, and the share of the sought one's n-grams, in (0, 1].
    """
    size_T = np.array([len(text) for text in texts], np.int64)
    batch_T = np.cumsum(size_T) // _BATCH_CHARACTERS
    starts = np.flatnonzero(np.diff(batch_T, prepend=-1)).tolist()
    for start, end in pairwise([*starts, len(texts)]):
        text_H, gram_H = _found(index, texts[start:end])
        for part in _parts(text_H, np.diff(index.first_G)[gram_H]):
            text_M, item_M, count_M = _counted(index, text_H[part], gram_H[part])
            yield text_M + start, item_M, count_M / index.total_I[item_M]


def _that_count(
    sought: Sequence[Sought], numbers: Mapping[str, int], words: int
) -> tuple[np.ndarray, np.ndarray]:
    """Each occurrence of an n-gram that counts, and the text it stands in."""
    number_W, text_W = _flatten([item.text for item in sought], numbers)
    named = {number for word, number in numbers.items() if word.isalpha()}
    names_W = np.cumsum([0, *(number in named for number in number_W.tolist())])
    width_I = np.array([_width(item, words) for item in sought], np.int64)
    is_calculation_I = np.array([item.is_calculation for item in sought], bool)
    group_I = np.array([item.group for item in sought], np.int64)
    hashes, items = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for width in np.unique(width_I[width_I > 0]).tolist():
        start_S, hash_S = _windows(number_W, width)
        is_mine_S = width_I[text_W[start_S]] == width
        start_S, hash_S = start_S[is_mine_S], hash_S[is_mine_S]
        item_S, end_S = text_W[start_S], start_S + width
        is_wording_S = _is_wording(hash_S, item_S, group_I)
        worded_W = _covered(start_S[is_wording_S], width, len(number_W))
        is_content_S = 2 * (worded_W[end_S] - worded_W[start_S]) <= width
        is_named_S = 2 * (names_W[end_S] - names_W[start_S]) >= width
        counts_S = is_content_S & (is_named_S | ~is_calculation_I[item_S])
        hashes.append(hash_S[counts_S])
        items.append(item_S[counts_S])
    return np.concatenate(hashes), np.concatenate(items)


def _width(item: Sought, words: int) -> int:
    """Words of the n-grams it is found by."""
    return min(words, item.text.count(" ") + bool(item.text))


def _is_wording(hash_S: np.ndarray, item_S: np.ndarray, group_I: np.ndarray) -> np.ndarray:
    """(S,) whether many texts of the group have the n-gram."""
    hash_P, item_P = _distinct(hash_S, item_S)
    gram_G, gram_P = np.unique(hash_P, return_inverse=True)
    groups = int(group_I.max(initial=0)) + 1
    texts_GR = np.bincount(gram_P * groups + group_I[item_P], minlength=len(gram_G) * groups)
    group_S = group_I[item_S]
    texts_S = texts_GR[np.searchsorted(gram_G, hash_S) * groups + group_S]
    is_wording_S: np.ndarray = texts_S > np.maximum(_MANY, _SHARE * np.bincount(group_I)[group_S])
    return is_wording_S


def _covered(start_S: np.ndarray, width: int, words: int) -> np.ndarray:
    """(words + 1,) how many words before each stand in one of the windows."""
    change_W = np.bincount(start_S, minlength=words + 1) - np.bincount(
        start_S + width, minlength=words + 1
    )
    return np.append(0, np.cumsum(np.cumsum(change_W)[:-1] > 0))


def _distinct(hash_S: np.ndarray, item_S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of an n-gram and a text once, by n-gram, then by text."""
    order = np.lexsort((item_S, hash_S))
    hash_S, item_S = hash_S[order], item_S[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (hash_S[1:] != hash_S[:-1]) | (item_S[1:] != item_S[:-1])
    return hash_S[is_new], item_S[is_new]


def _found(index: NgramIndex, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of a text and an n-gram that it has, once, by text."""
    number_W, text_W = _flatten(texts, index.numbers)
    pairs = [np.empty(0, np.int64)]
    grams = len(index.hash_G)
    shift = np.uint64(65 - len(index.may_have).bit_length())
    for width in index.widths if grams else []:
        start_S, hash_S = _windows(number_W, width)
        may_hit_S = index.may_have[hash_S >> shift]
        start_S, hash_S = start_S[may_hit_S], hash_S[may_hit_S]
        gram_S = np.minimum(np.searchsorted(index.hash_G, hash_S), grams - 1)
        is_hit = index.hash_G[gram_S] == hash_S
        pairs.append(text_W[start_S[is_hit]] * grams + gram_S[is_hit])
    text_H, gram_H = np.divmod(np.unique(np.concatenate(pairs)), max(grams, 1))
    return text_H, gram_H


def _parts(text_H: np.ndarray, pairs_H: np.ndarray) -> Iterator[slice]:
    """Runs of whole texts with about ``_PAIRS`` pairs each."""
    before_H = np.cumsum(pairs_H) - pairs_H
    part_H = before_H[np.searchsorted(text_H, text_H)] // _PAIRS
    starts = np.flatnonzero(np.diff(part_H, prepend=-1)).tolist()
    for start, end in pairwise([*starts, len(text_H)]):
        yield slice(start, end)


def _counted(
    index: NgramIndex, text_H: np.ndarray, gram_H: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts and sought ones that share n-grams, and how many."""
    first_H, pairs_H = index.first_G[gram_H], np.diff(index.first_G)[gram_H]
    within = np.arange(pairs_H.sum()) - np.repeat(np.cumsum(pairs_H) - pairs_H, pairs_H)
    item = index.item_P[np.repeat(first_H, pairs_H) + within]
    items = len(index.total_I)
    key, count_M = np.unique(np.repeat(text_H, pairs_H) * items + item, return_counts=True)
    text_M, item_M = np.divmod(key, items)
    return text_M, item_M, count_M


def _flatten(texts: Sequence[str], numbers: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """The words of all texts: their numbers, 0 where not known, and which text each stands in.

    After each text stands one word more, of number 0.
    """
    words = f" {_BOUNDARY} ".join([*texts, ""]).split()
    number_W = np.fromiter(map(numbers.get, words, repeat(0)), np.uint64, len(words))
    words_T = [text.count(" ") + 1 + bool(text) for text in texts]
    return number_W, np.repeat(np.arange(len(texts)), words_T)


def _windows(number_W: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Where windows of known words start, and their hashes."""
    unknown_W = np.append(0, np.cumsum(number_W == 0))
    start_S = np.flatnonzero(unknown_W[width:] == unknown_W[:-width])
    hash_S = np.full(len(start_S), width, np.uint64)
    for place in range(width):
        hash_S *= _MULTIPLIER
        hash_S += number_W[start_S + place]
    return start_S, hash_S


def _number(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little") or 1
