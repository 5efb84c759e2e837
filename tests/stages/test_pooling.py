"""What a pool keeps, worked out by hand, and that neither order nor parts have a say in it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft.config import PoolSection
from rsft.ledger import table_of
from rsft.stages.pooling import KEPT, RoundFigures, decide_pool, describe_pool
from rsft.types import TrainingRow
from tests.stages.cases import row

LABELLED = [replace(row(0, f"worked {n}", round=0), prompt_id="train-0") for n in range(2)]


def drawn(count: int, *, round: int, number: int = 0) -> list[TrainingRow]:  # noqa: A002
    """So many rows of a prompt and a round, all different."""
    return [row(number, f"{round}.{draw}", round=round, draw=draw) for draw in range(count)]


def fates(
    rows: Sequence[TrainingRow], cap: int | None = None, *, balance: bool = False, seed: int = 1
) -> list[str]:
    section = PoolSection(max_per_prompt=cap, balance=balance)
    return decide_pool(table_of(TrainingRow, rows), section, seed=seed).tolist()


def kept(
    rows: Sequence[TrainingRow], cap: int | None, *, balance: bool = False, seed: int = 1
) -> list[TrainingRow]:
    found = fates(rows, cap, balance=balance, seed=seed)
    return [row for row, fate in zip(rows, found, strict=True) if fate == KEPT]


def rows_by_round(rows: Sequence[TrainingRow]) -> dict[int, int]:
    return dict(Counter(row.round for row in rows))


def test_of_equal_completions_of_a_prompt_the_first_drawn_stays() -> None:
    rows = [
        row(0, "a", round=2, draw=0),
        row(0, "a", draw=5),
        row(0, "a", draw=3),
        row(1, "a", draw=7),
        row(0, "b", draw=4),
    ]
    assert fates(rows) == ["repeated", "repeated", "kept", "kept", "kept"]


def test_labelled_rows_stay_even_where_they_are_equal_and_what_they_say_is_held() -> None:
    twice = [LABELLED[0], LABELLED[0]]
    assert fates([*twice, row(0, "worked 0")]) == ["kept", "kept", "repeated"]


def test_what_is_repeated_takes_no_room() -> None:
    rows = [row(0, "a"), row(0, "a", draw=1), row(0, "b", draw=2)]
    assert fates(rows, 2) == ["kept", "repeated", "kept"]


def test_earlier_rounds_stay_unless_rounds_take_turns() -> None:
    rows = [*drawn(3, round=1), *drawn(3, round=2)]
    assert rows_by_round(kept(rows, 4)) == {1: 3, 2: 1}
    assert rows_by_round(kept(rows, 4, balance=True)) == {1: 2, 2: 2}


@pytest.mark.parametrize(
    ("cap", "of_rounds"),
    [
        (1, {3: 1}),
        (2, {3: 1, 2: 1}),
        (3, {3: 1, 2: 1, 1: 1}),
        (4, {3: 2, 2: 1, 1: 1}),
        (5, {3: 2, 2: 1, 1: 2}),  # round 2 has no second row
        (6, {3: 3, 2: 1, 1: 2}),
        (7, {3: 3, 2: 1, 1: 3}),
        (8, {3: 3, 2: 1, 1: 4}),
    ],
)
def test_rounds_take_turns_the_last_first(cap: int, of_rounds: dict[int, int]) -> None:
    rows = [*drawn(4, round=1), *drawn(1, round=2), *drawn(3, round=3)]
    assert rows_by_round(kept(rows, cap, balance=True)) == of_rounds


@pytest.mark.parametrize("balance", [True, False])
def test_labelled_rows_never_give_way_and_take_room(balance: bool) -> None:
    rows = [*LABELLED, *drawn(3, round=1)]
    assert rows_by_round(kept(rows, 3, balance=balance)) == {0: 2, 1: 1}
    assert rows_by_round(kept(rows, 2, balance=balance)) == {0: 2}
    assert rows_by_round(kept(rows, 1, balance=balance)) == {0: 2}


def test_a_cap_is_of_each_prompt() -> None:
    rows = [*drawn(3, round=1), *drawn(2, round=1, number=1)]
    assert Counter(row.prompt_id for row in kept(rows, 2)) == {"train-0": 2, "train-1": 2}


def test_each_row_is_as_likely_to_stay_as_another() -> None:
    """3 of 6 over 600 seeds: each row's count has mean 300 and deviation 12.2; 6 σ is 75."""
    counts = sum(
        np.array([fate == KEPT for fate in fates(drawn(6, round=1), 3, seed=seed)], int)
        for seed in range(600)
    )
    assert (abs(counts - 300) < 75).all()


ROWS = st.lists(
    st.builds(
        lambda number, text, key, draw: row(number, text, round=key, draw=draw),
        st.integers(0, 2),
        st.sampled_from("abcdef"),
        st.integers(1, 3),
        st.integers(0, 5),
    ),
    max_size=40,
    unique_by=lambda row: (row.prompt_id, row.round, row.draw),
)


@settings(deadline=None)
@given(rows=ROWS, cap=st.integers(1, 5), balance=st.booleans(), shuffle=st.randoms())
def test_neither_the_order_of_rows_nor_their_parts_decide(rows, cap, balance, shuffle) -> None:
    shuffled = [*rows]
    shuffle.shuffle(shuffled)
    ordered = sorted(kept(rows, cap, balance=balance), key=repr)
    assert sorted(kept(shuffled, cap, balance=balance), key=repr) == ordered
    table = table_of(TrainingRow, rows)
    parts = pa.concat_tables([table.slice(0, len(rows) // 2), table.slice(len(rows) // 2)])
    section = PoolSection(max_per_prompt=cap, balance=balance)
    assert decide_pool(parts, section, seed=1).tolist() == fates(rows, cap, balance=balance)


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    cap=st.integers(1, 6),
    balance=st.booleans(),
)
def test_rounds_may_be_pooled_one_by_one_or_all_at_once(counts, cap, balance) -> None:
    pool: list[TrainingRow] = [*LABELLED]
    everything = [*LABELLED]
    for number, count in enumerate(counts, start=1):
        new = drawn(count, round=number)
        pool = kept([*pool, *new], cap, balance=balance)
        everything += new
    assert pool == kept(everything, cap, balance=balance)


def test_the_figures_of_a_pool() -> None:
    rows = [
        row(4, "worked", round=0),
        replace(row(0, "a"), weight=0.5),
        row(0, "a", draw=1),
        row(1, "b"),
        replace(row(0, "c", round=2), weight=0.25),
    ]
    fate_N = np.array(["kept", "kept", "repeated", "over_cap", "kept"], object)
    train = pa.chunked_array([["train-0", "train-1", "train-2"]])
    figures = describe_pool(table_of(TrainingRow, rows), fate_N, train)
    assert (figures.rows, figures.prompts, figures.prompts_without_rows) == (3, 2, 2)
    assert figures.effective_sample_size == pytest.approx(1.75**2 / (1 + 0.25 + 0.0625))
    assert figures.rounds == {
        "0": RoundFigures(rows=1, prompts=1, repeated=0, over_cap=0),
        "1": RoundFigures(rows=1, prompts=1, repeated=1, over_cap=1),
        "2": RoundFigures(rows=1, prompts=1, repeated=0, over_cap=0),
    }


def test_an_empty_pool_has_no_rows_and_no_effective_sample() -> None:
    figures = describe_pool(
        table_of(TrainingRow, []), np.array([], object), pa.chunked_array([["train-0"]])
    )
    assert (figures.rows, figures.effective_sample_size, figures.rounds) == (0, 0.0, {})
    assert fates([], 3, balance=True) == []


@pytest.mark.parametrize(("weight", "size"), [(1e-200, 3), (0.0, 0)])
def test_the_effective_sample_size_of_the_least_weights(weight: float, size: int) -> None:
    rows = [replace(row(number, "a"), weight=weight) for number in range(3)]
    figures = describe_pool(
        table_of(TrainingRow, rows),
        np.array(["kept"] * 3, object),
        pa.chunked_array([["train-0"]]),
    )
    assert figures.effective_sample_size == pytest.approx(size)
