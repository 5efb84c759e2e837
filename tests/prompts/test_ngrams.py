"""n-grams found by hash are those found by comparing words."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft.prompts import ngrams
from rsft.prompts.ngrams import Sought, build_index, search


def sought(text: str, *, group: int = 0, is_calculation: bool = False) -> Sought:
    return Sought(text=text, group=group, is_calculation=is_calculation)


def shares(texts: Sequence[str], items: Sequence[Sought], n: int) -> dict[tuple[int, int], float]:
    index = build_index(items, n)
    parts = [zip(*map(np.ndarray.tolist, part), strict=True) for part in search(index, texts)]
    found = [(text, item, share) for part in parts for text, item, share in part]
    assert len({pair[:2] for pair in found}) == len(found)
    return {(text, item): share for text, item, share in found}


def by_words(texts: Sequence[str], items: Sequence[Sought], n: int) -> dict:
    """The same by definition, wording and calculations aside."""
    found = {}
    for t, text in enumerate(texts):
        for i, item in enumerate(items):
            width = min(n, len(item.text.split()))
            wanted = _grams(item.text, width)
            if both := wanted & _grams(text, width):
                found[t, i] = len(both) / len(wanted)
    return found


def _grams(text: str, width: int) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[k : k + width]) for k in range(len(words) - width + 1)} if width else set()


def test_the_share_of_the_sought_text_s_ngrams() -> None:
    items = [sought("a b c d e f"), sought("c d e")]
    assert shares(["x a b c d y d e f"], items, 3) == {(0, 0): 3 / 4}
    assert shares(["b c d e", "", "c d e"], items, 3) == {
        (0, 0): 2 / 4,
        (0, 1): 1,
        (2, 0): 1 / 4,
        (2, 1): 1,
    }


def test_an_ngram_that_stands_twice_counts_once() -> None:
    assert shares(["a b a b"], [sought("a b a b c")], 2) == {(0, 0): 2 / 3}


def test_a_text_shorter_than_n_is_sought_as_a_whole() -> None:
    assert shares(["x a b", "a c b"], [sought("a b")], 8) == {(0, 0): 1}


def test_no_ngram_goes_over_from_one_text_to_the_next() -> None:
    assert shares(["a b", "c d"], [sought("b c")], 2) == {}


def test_a_calculation_is_found_by_its_words_alone() -> None:
    items = [sought("he has 3 + 4 = 7 pens left", is_calculation=True)]
    assert shares(["sum 3 + 4 = 7 pens left"], items, 3) == {(0, 0): 1 / 2}  # he has 3; 7 pens left
    assert shares(["n0 + n1 = r0"], [sought("n0 + n1 = r0", is_calculation=True)], 3) == {}


def test_what_many_texts_of_a_group_begin_with_is_wording() -> None:
    items = [sought(f"answer the question below {k} {k} {k} end") for k in range(11)]
    assert shares(["answer the question below and more"], items, 3) == {}
    assert shares(["the question below 3 or", "below 3 3"], items, 3) == {(1, 3): 1 / 3}
    found = shares(["answer the question below and more"], items[:10], 3)
    assert found == {(0, k): 2 / 6 for k in range(10)}
    apart = [sought(item.text, group=k % 2) for k, item in enumerate(items)]
    assert len(shares(["answer the question below"], apart, 3)) == 11


def test_nothing_sought_and_nothing_searched() -> None:
    assert shares(["a b c"], [], 3) == {}
    assert shares(["a b c"], [sought("")], 3) == {}
    assert shares([], [sought("a b c")], 3) == {}
    assert shares(["", ""], [sought("a b c")], 3) == {}


WORDS = st.lists(st.sampled_from("abc"), max_size=9).map(" ".join)


@pytest.mark.parametrize("limit", [1, 7, 1 << 20])
@settings(deadline=None)
@given(texts=st.lists(WORDS, max_size=6), others=st.lists(WORDS, max_size=9), n=st.integers(2, 4))
def test_batches_of_any_size_give_what_the_definition_says(
    limit: int, texts: list[str], others: list[str], n: int
) -> None:
    items = [sought(text) for text in others]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "_BATCH_CHARACTERS", limit)
        patch.setattr(ngrams, "_PAIRS", limit)
        assert shares(texts, items, n) == by_words(texts, items, n)
