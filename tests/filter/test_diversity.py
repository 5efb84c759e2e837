import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.filter import read_candidates
from rsft.filter.diversity import farthest_paths, near_duplicates
from rsft.ledger import table_of
from rsft.types import Scored
from tests.filter.cases import candidate, reasons, settings

WORDS = [f"w{k}" for k in range(40)]


def changed(places: int, words: int = 40) -> str:
    """The words, the first so many of every tenth replaced."""
    return " ".join(f"x{k}" if k < places else word for k, word in enumerate(WORDS[:words]))


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[k : k + 3]) for k in range(len(words) - 2)}


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("places", range(0, 24, 2))
def test_nearly_the_same_is_what_the_jaccard_similarity_says(places, similarity):
    """Of 38 shingles, ``places`` differ: J = (38 − places)/(38 + places)."""
    one, other = changed(0), changed(places)
    jaccard = len(shingles(one) & shingles(other)) / len(shingles(one) | shingles(other))
    assert jaccard == pytest.approx((38 - places) / (38 + places))
    assert near_duplicates([one, other], similarity) == [False, jaccard >= similarity]


def test_a_chain_of_small_changes_is_broken_where_it_leaves_what_is_kept():
    """Each is near its neighbour, and the third is not near the first, which is what is kept."""
    texts = [changed(0), changed(3), changed(6)]
    assert near_duplicates(texts, 0.8) == [False, True, False]


def test_short_texts_are_compared_whole():
    assert near_duplicates(["yes", "no", "Yes ", "", ""], 0.9) == [False, False, True, False, True]


@given(st.lists(st.text(alphabet="ab ", max_size=12), max_size=8), st.sampled_from([0.4, 0.7, 1.0]))
def test_the_first_stays_and_copies_go(texts, similarity):
    found = near_duplicates(texts, similarity)
    assert found[:1] == [False] * len(texts[:1])
    assert all(near_duplicates([text, text], similarity) == [False, True] for text in texts)


def test_near_duplicates_are_those_of_one_prompt():
    rows = [
        candidate(0, text=changed(0)),
        candidate(1, text=changed(1)),
        candidate(0, prompt_id="q", text=changed(0)),
    ]
    assert reasons(rows, near_duplicates=0.8) == ["accepted", "near_duplicate", "accepted"]


ADD = "n0 + n1 = r0"
TWICE = "n0 + n0 = r0 ; r0 + n1 = r1"


def test_one_of_each_path_stays():
    texts = [ADD, "n0+n1 = r0", TWICE]
    assert sorted(farthest_paths(texts)) == [0, 2]


def test_the_farthest_of_a_path_stays():
    """Two ways to write 3 + 4 = 7, one of them much farther from what is kept first."""
    texts = ["2 * 5 = 10", "3 + 4 = 7", "So we see at last that 3 + 4 = 7, and are done."]
    assert farthest_paths(texts) == [0, 2]


def test_without_equations_each_text_is_a_path():
    assert sorted(farthest_paths(["a dog", "a cat", "a dog"])) == [0, 1]


def test_under_a_cap_the_farthest_stay():
    texts = ["1 + 1 = 2", "1 + 2 = 3", "12 * 12 = 144 and then 144 / 3 = 48, which is the answer"]
    rows = [candidate(draw, text=text) for draw, text in enumerate(texts)]
    kept = reasons(rows, distinct_paths=True, max_per_prompt=2)
    assert kept == ["accepted", "capped", "accepted"]


def test_the_second_of_a_path_is_told_from_a_copy():
    rows = [candidate(draw, text=text) for draw, text in enumerate([ADD, ADD, "n0+n1 = r0"])]
    kept = reasons(rows, deduplicate=True, distinct_paths=True)
    assert kept == ["accepted", "duplicate", "same_path"]


def test_hostile_texts_are_only_compared():
    hostile = ["9**9**9 = 1", "(" * 10_000, "\x00", "__import__('os')", "\u202e1 + 1 = 2\u202c"]
    rows = [candidate(draw, text=text) for draw, text in enumerate(hostile)]
    kept = reasons(rows, deduplicate=True, near_duplicates=0.8, distinct_paths=True)
    assert kept == ["accepted"] * 5


def test_paths_of_many_texts_do_not_depend_on_numpy_state():
    random = np.random.default_rng(0)
    texts = [f"{a} + {b} = {a + b}" for a, b in random.integers(0, 9, (30, 2)).tolist()]
    assert farthest_paths(texts) == farthest_paths(list(texts))
    assert len(farthest_paths(texts)) == len(set(texts))


def test_texts_of_several_parts_lie_in_one_piece():
    """Else each prompt's few would cost what all of them cost: hours for a million."""
    section = settings(distinct_paths=True)
    tables = [table_of(Scored, [candidate(draw)]) for draw in range(3)]
    candidates = read_candidates(tables, section)
    assert isinstance(candidates.text_N, pa.Array)
    assert candidates.texts(np.array([2, 0])) == ["text 2", "text 0"]
    assert len(read_candidates([], section)) == 0
