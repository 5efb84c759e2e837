"""Waves: who is drawn for again, what is recorded, and the estimate that stopping does not bias."""

from pathlib import Path

import numpy as np
import pytest

from rsft.generate import CandidateLedger, draw_in_waves, success_rate, waves_of
from tests.generate.cases import LAW, Scripted, ask

EASY, HARD, NEVER = ask("easy"), ask("hard"), ask("never")
RIGHT_FROM = {"easy": 0, "hard": 5, "never": 99}


def waves(folder: Path, *, target: int | None = 2, max_draws: int = 8, engine=None):
    engine = engine or Scripted()
    asked_for = waves_of(
        CandidateLedger(folder, {}, seed=1),
        [EASY, HARD, NEVER],
        wave=2,
        target=target,
        max_draws=max_draws,
        are_right=lambda drawn: [
            [row.draw >= RIGHT_FROM[prompt.prompt_id] for row in rows] for prompt, rows in drawn
        ],
    )
    return draw_in_waves(engine, asked_for, LAW, seed=1, round=1), engine.asked


def test_a_prompt_with_enough_right_ones_is_not_drawn_for_again(tmp_path: Path) -> None:
    verdicts, asked = waves(tmp_path)
    assert asked == [
        [("easy", range(2)), ("hard", range(2)), ("never", range(2))],
        [("hard", range(2, 4)), ("never", range(2, 4))],
        [("hard", range(4, 6)), ("never", range(4, 6))],
        [("hard", range(6, 8)), ("never", range(6, 8))],
    ]
    assert verdicts[0] == [True, True]
    assert verdicts[1] == [False] * 5 + [True] * 3
    assert verdicts[2] == [False] * 8


def test_no_prompt_has_more_than_its_cap(tmp_path: Path) -> None:
    verdicts, asked = waves(tmp_path, max_draws=5)
    assert asked[-1] == [("hard", range(4, 5)), ("never", range(4, 5))]
    assert [len(verdict) for verdict in verdicts] == [2, 5, 5]


def test_without_a_target_there_is_one_wave(tmp_path: Path) -> None:
    verdicts, asked = waves(tmp_path, target=None, max_draws=2)
    assert len(asked) == 1
    assert [len(verdict) for verdict in verdicts] == [2, 2, 2]


def test_what_the_ledger_holds_is_judged_and_not_drawn_again(tmp_path: Path) -> None:
    first, _ = waves(tmp_path, max_draws=4)
    verdicts, asked = waves(tmp_path, max_draws=8)
    assert asked[0] == [("hard", range(4, 6)), ("never", range(4, 6))]
    assert [new[: len(old)] for new, old in zip(verdicts, first, strict=True)] == first


def test_what_cannot_be_scored_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    asked_for = waves_of(
        CandidateLedger(tmp_path, {}, seed=1),
        [EASY],
        wave=2,
        target=1,
        max_draws=4,
        are_right=lambda drawn: [[None for _ in rows] for _, rows in drawn],
    )
    verdicts = draw_in_waves(Scripted(), asked_for, LAW, seed=1, round=1)
    assert verdicts == [[None] * 4]
    assert success_rate(verdicts[0], 1) is None


@pytest.mark.parametrize(
    ("verdicts", "target", "expected"),
    [
        ([True, False, True, False], None, 0.5),
        ([False, True, False, True], 2, 1 / 3),  # the second right one is the fourth: (2−1)/(4−1)
        ([False, True, True, True], 2, 1 / 2),  # the wave's end does not count
        ([None, False, None, True, True], 2, 1 / 2),
        ([False, True, False, False], 2, 0.25),  # the cap was hit first: s/N
        ([True], 1, 1.0),  # the first was right: 0/0 else
        ([False, True], 1, 0.0),
        ([], None, None),
        ([None], 3, None),
    ],
)
def test_success_rate_by_hand(verdicts, target, expected) -> None:
    assert success_rate(verdicts, target) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("chance", [0.2, 0.5, 0.8])
def test_the_first_success_is_no_biased_estimate_either(chance: float) -> None:
    """Mean of 20,000 with standard errors below 0.0036: 0.018 is five of them, one false alarm in
    a million."""
    random = np.random.default_rng(0)
    estimates = []
    for verdicts in (random.random((20_000, 8)) < chance).tolist():
        first = verdicts.index(True) + 1 if True in verdicts else 8
        estimates.append(success_rate(verdicts[:first], 1))
    assert np.mean(estimates) == pytest.approx(chance, abs=0.018)


def test_success_rate_is_not_biased_by_stopping_at_success() -> None:
    """Mean over 20,000 prompts of a right share of 0.3, target 3 without a cap that matters.

    The naive share is too high by 0.04; the estimate's standard error is 0.0013, so that 0.006 is
    passed by chance once in 200,000 seeds.
    """
    random = np.random.default_rng(0)
    estimates, naive = [], []
    for _ in range(20_000):
        verdicts: list[bool | None] = []
        while verdicts.count(True) < 3:
            verdicts += (random.random(4) < 0.3).tolist()
        estimates.append(success_rate(verdicts, 3))
        stopped = [n for n, right in enumerate(verdicts, start=1) if right][2]
        naive.append(3 / stopped)
    assert np.mean(estimates) == pytest.approx(0.3, abs=0.006)
    assert np.mean(naive) > 0.34
