import dataclasses

import numpy as np
import pytest

from rsft.filter.quota import rows_allowed
from tests.filter.cases import candidate, columns, decided, settings


def drawn(right: int, wrong: int, prompt_id: str, **more) -> list:
    return [
        candidate(draw, prompt_id=prompt_id, reward=float(draw < right), **more)
        for draw in range(right + wrong)
    ]


ROWS = drawn(10, 0, "easy") + drawn(8, 2, "fair") + drawn(5, 5, "hard") + drawn(9, 1, "near")


def allowed(rows, cap: int, quota: str) -> list[int]:
    section = settings(max_per_prompt=cap, quota=quota)
    return rows_allowed(columns(rows, section), section).tolist()


def test_a_uniform_quota_is_the_cap():
    assert allowed(ROWS, 3, "uniform") == [3, 3, 3, 3]


def test_by_difficulty_the_hardest_has_the_cap_and_each_has_one():
    """Fail rates 0, 0.2, 0.5 and 0.1: 10 · (0, 0.4, 1, 0.2), and one at least."""
    assert allowed(ROWS, 10, "difficulty") == [1, 4, 10, 2]


def test_a_share_is_rounded_up():
    assert allowed(ROWS, 3, "difficulty") == [1, 2, 3, 1]


def test_where_nothing_is_wrong_each_has_one():
    assert allowed(drawn(4, 0, "p") + drawn(4, 0, "q"), 5, "difficulty") == [1, 1]


def test_what_is_unscorable_is_not_wrong():
    rows = drawn(5, 5, "hard") + drawn(5, 0, "p") + [candidate(9, prompt_id="p", reward=None)]
    assert allowed(rows, 4, "difficulty") == [4, 1]


def test_a_prompt_that_could_not_be_scored_is_not_the_hardest():
    """Fail rates 0.1 and 0.2; of the third none is known, and it takes nothing from the others."""
    rows = drawn(9, 1, "near") + drawn(8, 2, "fair") + [candidate(prompt_id="q", reward=None)]
    assert allowed(rows, 10, "difficulty")[:2] == [5, 10]


def test_a_prefix_is_not_right():
    rows = drawn(4, 0, "cut", finish_reason="length") + drawn(2, 2, "half")
    assert allowed(rows, 4, "difficulty") == [4, 2]


def test_the_draws_know_better_than_the_count_where_they_stopped_early():
    section = settings(max_per_prompt=10, quota="difficulty")
    rows = columns(drawn(5, 5, "hard") + drawn(5, 5, "stopped") + drawn(5, 5, "unknown"), section)
    told = dataclasses.replace(rows, success_rate_P=np.array([0.5, 0.8, np.nan]))
    assert rows_allowed(told, section).tolist() == [10, 4, 10]


def test_the_quota_is_kept_to_the_row():
    kept = [
        row.prompt_id
        for row in decided(ROWS, max_per_prompt=5, quota="difficulty")
        if row.is_accepted
    ]
    counts = {prompt: kept.count(prompt) for prompt in ("easy", "fair", "hard", "near")}
    assert counts == {"easy": 1, "fair": 2, "hard": 5, "near": 1}


def test_a_quota_needs_a_cap():
    with pytest.raises(ValueError, match=r"quota is 'difficulty', so filter\.max_per_prompt"):
        settings(quota="difficulty")
