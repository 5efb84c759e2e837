import pytest

from rsft.config import ScoreSection
from rsft.errors import ConfigurationError, VerifierError
from rsft.score import Rewards, Score, build_quick_rewards, build_rewards, score_candidates
from rsft.score.exact_match import ExactMatch
from rsft.score.own import OwnReward
from rsft.score.reward import unscorable
from rsft.score.worked_solution import WorkedSolution
from rsft.types import Candidate
from tests.score.cases import Says, SaysAtOnce, ask, completions, says


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


def score(rewards: Rewards) -> Score:
    (only,) = rewards.score(ask(), completions("x"))
    return only


def test_the_mean_is_weighted_and_its_parts_are_kept():
    rewards = Rewards({"x": (says(1.0, length=7.0), 3.0), "y": (says(0.5), 1.0)})
    assert score(rewards).reward == pytest.approx((3 * 1.0 + 1 * 0.5) / 4)
    assert score(rewards).breakdown == {"x": 1.0, "x.length": 7.0, "y": 0.5}


def test_the_outcome_is_that_of_the_first_that_has_one():
    parts = {"x": (says(0.0), 1.0), "y": (says(1.0, "second"), 9.0), "z": (says(1.0, "third"), 0.0)}
    assert (score(Rewards(parts)).reward, score(Rewards(parts)).outcome) == (0.9, "second")
    without_a_say = {"z": (says(1.0, "third"), 0.0)}
    assert score(Rewards(without_a_say | {"x": (says(0.0), 1.0)})).outcome is None


@pytest.mark.parametrize("weights", [[0.1, 0.2, 0.3], [0.7, 0.1, 0.1], [1e-9, 1e9, 3.0]])
def test_all_parts_right_is_exactly_1(weights):
    """Or ``correct_reward: 1`` would call it wrong."""
    rewards = Rewards({str(w): (says(1.0), w) for w in weights})
    assert score(rewards).reward == 1.0


@pytest.mark.parametrize(("reward", "weight"), [(1e308, 1.0), (1.0, 1e308)])
def test_a_mean_that_is_not_finite_is_unscorable(reward, weight):
    told = score(Rewards({"x": (says(reward), weight), "y": (says(reward), weight)}))
    note = "the weighted mean of the rewards is not finite"
    assert (told.reward, told.status, told.note) == (None, "unscorable", note)
    assert told.breakdown == {"x": reward, "y": reward}


@pytest.mark.parametrize("order", [1, -1])
def test_one_part_that_cannot_judge_makes_the_whole_unscorable_and_is_named(order):
    """A mean over the others would be one over other things; a crash is no 0 (several peers)."""
    parts = {"x": (says(1.0, "12"), 1.0), "y": (Says(unscorable("no verdict")), 1.0)}
    told = score(Rewards(dict(list(parts.items())[::order])))
    assert (told.reward, told.status, told.note) == (None, "unscorable", "y: no verdict")
    assert (told.outcome, told.breakdown) == ("12", {"x": 1.0})


def test_a_part_of_weight_0_is_recorded_and_has_no_say():
    told = score(Rewards({"x": (says(0.25), 1.0), "density": (says(-90.0), 0.0)}))
    assert (told.reward, told.breakdown) == (0.25, {"x": 0.25, "density": -90.0})
    told = score(Rewards({"x": (says(0.25), 1.0), "density": (Says(unscorable("long")), 0.0)}))
    assert told == Score(reward=0.25, breakdown={"x": 0.25})


def test_a_model_is_asked_once_for_everything_and_may_be_unscorable():
    model = SaysAtOnce(Score(reward=float("nan")))
    told: list[tuple[int, int, str]] = []
    rewards = Rewards({"rule": (says(1.0), 1.0), "model": (model, 1.0)})
    asked = [(ask(prompt_id=p), completions("x", "x", "y")) for p in "pq"]
    scores = rewards.score_all(asked, lambda done, total, note="": told.append((done, total, note)))
    assert model.asked == [("p", "x"), ("p", "y"), ("q", "x"), ("q", "y")]
    assert {s.note for row in scores for s in row} == {"model: its reward is not finite"}
    assert [len(row) for row in scores] == [3, 3]
    assert told == [(6, 8, "half")], "two steps of four distinct completions; half of the second"


def test_a_model_that_gives_too_few_scores_is_an_error():
    class Short(SaysAtOnce):
        def score_all(self, asked, progress):
            return [row[:-1] for row in super().score_all(asked, progress)]

    with pytest.raises(VerifierError, match=r"rewards\.model gave 1 scores for the 2 completions"):
        Rewards({"model": (Short(Score(reward=1.0)), 1.0)}).score(ask(), completions("x", "y"))


def test_a_rule_that_raises_on_one_completion_judges_the_others():
    class Raises(Says):
        def score(self, prompt, texts):
            return [Score(reward=1 / len(one.text)) for one in texts]

    first, second = Rewards({"x": (Raises(Score(reward=1.0)), 1.0)}).score(
        ask(), completions("", "ab")
    )
    assert first.note == "x: ZeroDivisionError: division by zero"
    assert second.reward == 0.5


def test_settings_name_the_rewards():
    section = ScoreSection(
        rewards={"worked_solution": 2, "exact_match": 1, "mine.own:score": 0}, answer_marker="####"
    )
    parts = build_rewards(section).parts
    assert parts["worked_solution"] == (WorkedSolution(), 2)
    assert parts["exact_match"] == (ExactMatch("####"), 1)
    assert isinstance(parts["mine.own:score"][0], OwnReward)


def test_what_is_measured_besides_comes_last_and_has_no_say():
    section = ScoreSection(rewards={"worked_solution": 2, "f1": 1})
    parts = build_rewards(section, ["exact_match", "f1"]).parts
    assert [(name, weight) for name, (_, weight) in parts.items()] == [
        ("worked_solution", 2),
        ("f1", 1),
        ("exact_match", 0),
    ]


@pytest.mark.parametrize("name", ["bleu", "my.module", "my module:f", ":f", "m:f:g", "x;y:z"])
def test_a_name_that_is_none(name):
    with pytest.raises(ConfigurationError, match=r"unknown reward .*; known: exact_match, f1, num"):
        build_rewards(ScoreSection(rewards={"exact_match": 1, name: 1}))


def test_rules_can_be_asked_while_drawing_unless_a_model_has_a_say():
    model = {"model": "data/raw/m"}
    section = ScoreSection(rewards={"exact_match": 1, "reward_model": 0}, reward_model=model)
    quick = build_quick_rewards(section)
    assert quick is not None
    assert list(quick.parts) == ["exact_match"]
    section = ScoreSection(rewards={"exact_match": 1, "reward_model": 0.1}, reward_model=model)
    assert build_quick_rewards(section) is None


def test_candidates_keep_their_order():
    prompts = {"p": ask(), "q": ask("3", prompt_id="q"), "r": ask(None, prompt_id="r")}
    candidates = [
        drawn(1, "12"),
        drawn(0, "3", "q"),
        drawn(0, "12", "r"),
        drawn(0, "12", "q"),
        drawn(0, "7"),
    ]
    scores = score_candidates(Rewards({"m": (ExactMatch(), 2.0)}), prompts, candidates)
    assert [(row.reward, row.outcome, row.status) for row in scores] == [
        (1.0, "12", "ok"),
        (1.0, "3", "ok"),
        (None, None, "unscorable"),
        (0.0, "12", "ok"),
        (0.0, "7", "ok"),
    ]


def test_equal_completions_of_a_prompt_are_judged_once_and_none_is_lost():
    reward = says(1.0)
    candidates = [drawn(draw, "x", prompt_id) for draw in range(3) for prompt_id in "pq"]
    prompts = {"p": ask(), "q": ask(prompt_id="q")}
    scores = score_candidates(Rewards({"x": (reward, 1.0)}), prompts, candidates)
    assert [row.reward for row in scores] == [1.0] * 6
    assert reward.asked == [("p", "x"), ("q", "x")]
