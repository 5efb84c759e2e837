"""A champion that was asked other prompts answers these; judged as they were, or not at all."""

from pathlib import Path
from typing import Any

import pytest

from rsft.errors import LineageError
from rsft.policy import Policy
from rsft.promotion import anew
from rsft.promotion.exam import read_exam
from rsft.registry import ModelVersion
from tests.answers import sampled
from tests.promotion.cases import Checkout, answers, greedy

VERSION = ModelVersion(name="rsft", version=3, aliases=(), tags={}, mlflow_run_id="run")


def test_it_answers_the_prompts_of_the_exam_and_its_greedy_answers_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_t5: Policy
):
    checkout = Checkout(tmp_path / "checkout")
    exam = read_exam(checkout.workspace, checkout.run("r1", answers(30)))
    monkeypatch.setattr(anew, "fetch", lambda registry, version: tiny_t5)
    monkeypatch.setattr("rsft.policy.load_policy", lambda folder: folder)
    monkeypatch.setattr("rsft.policy.use_machine", lambda section: "cpu")
    asked = []

    def answer_set(policy: Policy, config: Any, rewards: Any, name: str, prompts: list[Any]):
        asked.append((policy, name, [prompt.prompt_id for prompt in prompts]))
        return [*greedy(35, name), *sampled(0, "0")]

    monkeypatch.setattr("rsft.stages.answering.answer_set", answer_set)
    found = anew.answer_anew(checkout.workspace, None, VERSION, exam)
    ids = [f"p{number}" for number in range(80)]
    assert asked == [(tiny_t5, "eval", ids), (tiny_t5, "guard", ids)]
    assert found == {"eval": greedy(35), "guard": greedy(35, "guard")}


@pytest.mark.parametrize("is_there", [True, False])
def test_a_checkout_that_judges_otherwise_is_refused(tmp_path: Path, is_there: bool):
    checkout = Checkout(tmp_path / "checkout")
    exam = read_exam(checkout.workspace, checkout.run("r1", answers(30)))
    scorer = checkout.workspace.root / "rsft" / "score" / "exact.py"
    scorer.write_text("RIGHT = 2\n") if is_there else scorer.unlink()
    message = r"answer the prompts of run/r1, .* otherwise .*: rsft/score/exact.py differ"
    with pytest.raises(LineageError, match=message):
        anew.answer_anew(checkout.workspace, None, VERSION, exam)


@pytest.mark.parametrize(
    ("reward", "is_refused"), [("worked_solution", False), ("mine:score", True)]
)
def test_what_the_user_brought_counts_where_a_reward_is_made_of_it(
    tmp_path: Path, reward: str, is_refused: bool
):
    settings = (f"score.rewards={{'{reward}': 1}}", "monitor={}")
    checkout = Checkout(tmp_path / "checkout", *settings)
    own = checkout.workspace.root / "data" / "raw" / "mine.py"
    own.parent.mkdir(parents=True)
    own.write_text("def score(prompt, completions): return [1.0]\n")
    exam = read_exam(checkout.workspace, checkout.run("r1", answers(30)))
    own.write_text("def score(prompt, completions): return [0.5]\n")
    differing = anew.differing_judges(checkout.workspace, exam)
    assert differing == (["data/raw/mine.py"] if is_refused else [])
