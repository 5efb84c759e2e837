"""Slices of whole prompts are decided as all are, and their figures add up to the same bits."""

from dataclasses import fields
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rsft.config import FilterSection
from rsft.filter import Decisions, Diagnostics, Tally
from rsft.types import Scored
from tests.filter.cases import budgeted, decisions, global_quantile, known, settings
from tests.filter.test_replay import RULES, TARGETS, THINNINGS, rounds


def told(slices: list[list[Scored]], section: FilterSection) -> list[Any]:
    """Every array of the decisions, the round's figures, and those of the prompts."""
    tally = Tally(section)
    figures: list[pd.DataFrame] = []
    made: list[Decisions] = []
    for rows in slices:
        candidates, decided = decisions(rows, section, seed=3)
        figures.append(tally.add(candidates, decided))
        made.append(decided)
    arrays = (f.name for f in fields(Decisions) if f.name.endswith(("_N", "_P")))
    columns = [[getattr(one, name) for one in made] for name in arrays]
    joined = [None if column[0] is None else np.concatenate(column) for column in columns]
    return [*joined, tally.diagnostics(), pd.concat(figures, ignore_index=True)]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    return one.equals(other) if isinstance(one, pd.DataFrame) else one == other


BY_PROMPT = [
    section
    for rule in RULES
    for target in TARGETS
    for thinning in THINNINGS
    if (
        section := settings(**{"bound": known(0.5), **target, **thinning, **rule})
    ).decides_by_prompt
]


@given(section=st.sampled_from(BY_PROMPT), rows=rounds(), data=st.data())
@hypothesis_settings(max_examples=40, deadline=None)
def test_slices_are_decided_as_all_are(section, rows, data):
    prompts = list(dict.fromkeys(row.prompt_id for row in rows))
    of_prompt = [[row for row in rows if row.prompt_id == name] for name in prompts]
    cut = data.draw(st.integers(1, len(prompts)))
    two = [list(chain(*of_prompt[:cut])), list(chain(*of_prompt[cut:]))]
    whole = told([rows], section)
    assert isinstance(whole[-2], Diagnostics)
    for slices in (of_prompt, [one for one in two if one]):
        assert all(map(same, told(slices, section), whole))


@pytest.mark.parametrize(
    ("values", "by_prompt"),
    [
        ({}, True),
        ({"bound": global_quantile(0.9)}, False),
        ({"bound": budgeted(0.5)}, False),
        ({"rule": "best_of_n", "bound": budgeted(0.5)}, True),
        ({"rule": "top_fraction", "fraction": 0.5}, False),
        ({"rule": "top_fraction", "fraction": 0.5, "within": "prompt"}, True),
        ({"max_per_prompt": 2, "quota": "difficulty"}, False),
    ],
)
def test_what_decides_each_prompt_by_itself(values, by_prompt):
    assert settings(**values).decides_by_prompt is by_prompt
