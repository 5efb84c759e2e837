"""How often the gate errs, at repeated looks; at length: ``python -m benchmarks.gate``."""

import pytest

from benchmarks.gate import WORLDS, World, judge

TRIALS = 200


def promoted(world: World, looks: int, lead: float = 0.0) -> float:
    """Share of trials in which a challenger is promoted at any look."""
    found = [judge(world, trial, looks, lead) for trial in range(TRIALS)]
    return sum(any(gain.is_shown(0.0) for gain in trial) for trial in found) / TRIALS


@pytest.mark.parametrize("name", ["20 families, even", "64 families, skewed"])
def test_what_is_no_better_is_seldom_promoted_over_three_looks(name: str):
    """At most 0.025 + 0.0083 + 0.0042 = 3.75%. False alarm: more than 9% of 200 is 1 in 3,000."""
    (world,) = [world for world in WORLDS if world.name == name]
    assert promoted(world, 3) <= 0.09


def test_prompts_taken_to_be_independent_would_promote_it():
    """McNemar's test alone, at the same levels: prompts of a family are won or lost together."""
    (world,) = [world for world in WORLDS if world.name == "20 families, even"]
    found = [judge(world, trial, 3) for trial in range(TRIALS)]
    alarms = sum(any(gain.p_prompts <= gain.level for gain in trial) for trial in found)
    assert alarms / TRIALS > 0.2


def test_what_is_better_is_promoted():
    """10 points of 400 prompts, by 64 families; in 500 trials 99%."""
    (world,) = [world for world in WORLDS if world.name == "64 alike families"]
    assert promoted(world, 1, lead=0.5) > 0.9
