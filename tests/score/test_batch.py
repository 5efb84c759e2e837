"""What is left to be judged when a worker is ended: every unit once, whatever it was at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft.score.batch import Batch
from rsft.score.pipe import Position
from tests.score.cases import ask, completions

PROMPTS = 6


def batch(each: int = 1, parts: tuple[str, ...] = ("rule",)) -> Batch:
    asked = [(ask(prompt_id=str(k)), completions(*map(str, range(each)))) for k in range(PROMPTS)]
    return Batch(parts, asked, workers=1)


def at(unit: int, part: int = 0) -> Position:
    return Position(unit, part, 0.0)


@given(done=st.integers(0, PROMPTS), unit=st.integers(0, PROMPTS - 1))
def test_no_unit_is_lost_and_none_is_asked_twice(done: int, unit: int) -> None:
    """Also where it had told of the unit that it was still at."""
    units = batch()
    chunk, _ = units.take()
    units.record(chunk[:done], [[[[1.0, None]]]] * done)
    units.take_apart(chunk, done, at(unit), "ended")
    left, _ = units.take()
    untold = list(range(done, PROMPTS))
    marked = [unit] if unit >= done else []
    assert sorted(row.place for row in left) == [p for p in untold if p not in marked]
    noted = [place for place in range(PROMPTS) if getattr(units.scores[0][place][0], "note", None)]
    assert noted == marked


def test_a_unit_of_several_is_divided_before_any_is_marked() -> None:
    units = batch(each=3)
    chunk, _ = units.take()
    units.take_apart(chunk, 1, at(2), "ended")
    left, _ = units.take()
    assert sorted((row.place, row.first, row.count) for row in left) == [
        (1, 0, 3),
        (2, 0, 1),
        (2, 1, 1),
        (2, 2, 1),
        *((place, 0, 3) for place in range(3, PROMPTS)),
    ]


@pytest.mark.parametrize("part", [0, 1])
def test_the_other_rewards_still_judge_it(part: int) -> None:
    units = batch(parts=("one", "other"))
    chunk, _ = units.take()
    units.take_apart(chunk, 0, at(3, part), "ended")
    left, _ = units.take()
    assert [row.parts for row in left if row.place == 3] == [(1 - part,)]
    assert units.scores[part][3][0].note == "ended"
    assert units.scores[1 - part][3][0] is None
