import dataclasses

import pytest

from rsft.config import ScoreSection
from rsft.errors import ConfigurationError
from rsft.score import Rewards, Score, build_rewards, score_candidates
from rsft.score.exact_match import ExactMatch
from rsft.score.reward import UNSCORABLE
from rsft.score.worked_solution import WorkedSolution
from rsft.types import Candidate
from tests.score.cases import Says, ask, says


def drawn(draw: int, text: str, prompt_id: str = "p") -> Candidate:
    return Candidate(
        prompt_id=prompt_id,
        round=1,
        draw=draw,
        policy_version="abc",
        text=text,
        token_ids=(4, 1),
        token_count=2,
        finish_reason="stop",
        proposal_logprob=-1.0,
        policy_logprob=-1.5,
    )


def test_the_mean_is_weighted_and_its_parts_are_kept():
    rewards = Rewards({"x": (says(1.0, "12"), 3.0), "y": (says(0.5, "no"), 1.0)})
    score, breakdown = rewards.score_parts(ask(), "")
    assert score.reward == pytest.approx((3 * 1.0 + 1 * 0.5) / 4)
    assert breakdown == {"x": 1.0, "y": 0.5}


def test_the_outcome_is_that_of_the_first():
    rewards = Rewards({"x": (says(0.0, "first"), 1.0), "y": (says(1.0, "second"), 9.0)})
    assert rewards.score(ask(), "") == Score(reward=0.9, outcome="first")


@pytest.mark.parametrize("weights", [[0.1, 0.2, 0.3], [0.7, 0.1, 0.1], [1e-9, 1e9, 3.0]])
def test_all_parts_right_is_exactly_1(weights):
    """Or ``correct_reward: 1`` would call it wrong."""
    rewards = Rewards({str(w): (says(1.0), w) for w in weights})
    assert rewards.score(ask(), "").reward == 1.0


@pytest.mark.parametrize("order", [1, -1])
def test_one_part_that_cannot_judge_makes_the_whole_unscorable(order):
    parts = {"x": (says(1.0), 1.0), "y": (Says(UNSCORABLE), 1.0)}
    rewards = Rewards(dict(list(parts.items())[::order]))
    assert rewards.score_parts(ask(), "") == (UNSCORABLE, {})


def test_settings_name_the_rewards():
    section = ScoreSection(rewards={"worked_solution": 2, "exact_match": 1}, answer_marker="####")
    assert build_rewards(section).parts == {
        "worked_solution": (WorkedSolution(), 2),
        "exact_match": (ExactMatch("####"), 1),
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"rewards": {"exact_match": 1, "bleu": 1}},
            "score.rewards: unknown reward 'bleu'; known: exact_match, worked_solution",
        ),
        ({"rewards": {"exact_match": 0}}, r"score.rewards.exact_match = 0.0: must be greater than"),
        ({"rewards": {"worked_solution": -1}}, r"score.rewards.worked_solution = -1.0: must be"),
        (
            {"rewards": {"exact_match": 1}, "answer_marker": ""},
            "score.answer_marker = '': must not be empty",
        ),
    ],
)
def test_settings_that_do_not_fit(values, message):
    with pytest.raises(ConfigurationError, match=message):
        build_rewards(ScoreSection(**values))


def test_candidates_keep_their_order_and_fields():
    prompts = {"p": ask(), "q": ask("3", prompt_id="q"), "r": ask(None, prompt_id="r")}
    candidates = [drawn(1, "12"), drawn(0, "3", "q"), drawn(0, "12", "q"), drawn(0, "12", "r")]
    scored = score_candidates(Rewards({"m": (ExactMatch(), 2.0)}), prompts, candidates)
    names = [field.name for field in dataclasses.fields(Candidate)]
    assert [{n: getattr(row, n) for n in names} for row in scored] == [
        dataclasses.asdict(candidate) for candidate in candidates
    ]
    assert [(row.reward, row.outcome, row.score_status) for row in scored] == [
        (1.0, "12", "ok"),
        (1.0, "3", "ok"),
        (0.0, "12", "ok"),
        (None, None, "unscorable"),
    ]
    assert [row.reward_breakdown for row in scored] == [{"m": 1.0}, {"m": 1.0}, {"m": 0.0}, {}]


def test_equal_completions_of_a_prompt_are_judged_once_and_none_is_lost():
    reward = says(1.0)
    candidates = [drawn(draw, "x", prompt_id) for prompt_id in "pq" for draw in range(3)]
    prompts = {"p": ask(), "q": ask(prompt_id="q")}
    scored = score_candidates(Rewards({"x": (reward, 1.0)}), prompts, candidates)
    assert [(row.prompt_id, row.draw) for row in scored] == [
        (prompt_id, draw) for prompt_id in "pq" for draw in range(3)
    ]
    assert reward.asked == 2
