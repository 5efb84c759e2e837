from itertools import islice

import pytest

from rsft.finetune.batches import Limits, micro_batches, shuffled_steps

WIDE = Limits(tokens=1000, targets=1000, call_tokens=5)


@pytest.mark.parametrize(("rows", "batch_size"), [(10, 4), (3, 8), (8, 8), (1, 1)])
def test_steps_are_full_and_leave_no_row_out(rows: int, batch_size: int) -> None:
    steps = list(shuffled_steps(rows, batch_size=batch_size, steps=20, seed=0))
    assert [len(step) for step in steps] == [batch_size] * 20
    seen = [row for step in steps for row in step]
    for start in range(0, len(seen) - rows + 1, rows):
        assert sorted(seen[start : start + rows]) == list(range(rows))


def test_a_step_is_the_same_however_many_follow() -> None:
    few = list(shuffled_steps(10, batch_size=4, steps=3, seed=1))
    assert few == list(islice(shuffled_steps(10, batch_size=4, steps=9, seed=1), 3))
    assert few != list(shuffled_steps(10, batch_size=4, steps=3, seed=2))


@pytest.mark.parametrize(
    ("call_tokens", "expected"),
    [(17, [[1, 3], [2, 0]]), (19, [[1, 3, 2, 0]])],
)
def test_rows_are_split_where_a_call_costs_less_than_padding(
    call_tokens: float, expected: list[list[int]]
) -> None:
    """Rows of 2, 2, 10 and 11 tokens: one call computes 44, two 4 + 22 and another call."""
    limits = Limits(tokens=1000, targets=1000, call_tokens=call_tokens)
    found = micro_batches([8, 1, 8, 1], [3, 1, 2, 1], limits, is_encoder_decoder=False)
    assert found == expected


def test_prompts_and_completions_are_padded_apart() -> None:
    """(1, 9) and (9, 1): of one length together, but 2·10 tokens as one row and 2·18 apart."""
    assert len(micro_batches([1, 9], [9, 1], WIDE, is_encoder_decoder=False)) == 1
    assert len(micro_batches([1, 9], [9, 1], WIDE, is_encoder_decoder=True)) == 2


@pytest.mark.parametrize("limits", [{"tokens": 12}, {"targets": 6}])
def test_no_micro_batch_takes_more_than_it_may(limits: dict[str, int]) -> None:
    whole = {"tokens": 1000, "targets": 1000, "call_tokens": 1e9} | limits
    prompts, completions = [3] * 7, [3] * 7
    parts = micro_batches(prompts, completions, Limits(**whole), is_encoder_decoder=False)
    assert max(map(len, parts)) == 2
    assert sorted(row for part in parts for row in part) == list(range(7))


def test_a_row_that_takes_too_much_is_one_of_its_own() -> None:
    limits = Limits(tokens=5, targets=5, call_tokens=1e9)
    assert micro_batches([9, 1, 1], [9, 1, 1], limits, is_encoder_decoder=True) == [[1, 2], [0]]
