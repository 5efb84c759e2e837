"""A champion that was asked other prompts answers these; judged as they were, or not at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsft.errors import LineageError
from rsft.lineage import folder_md5, md5_of
from rsft.policy import Policy
from rsft.promotion import anew
from rsft.promotion.exam import Exam, read_exam
from rsft.registry import ModelVersion
from tests.answers import sampled
from tests.promotion.cases import Checkout, answers, greedy

VERSION = ModelVersion(name="rsft", version=3, aliases=(), tags={}, mlflow_run_id="run")
HASH = folder_md5({"config.json": md5_of(b"{}"), "model.safetensors": md5_of(b"weights")})


@pytest.fixture
def registered(tmp_path: Path) -> Path:
    """What MLflow has of that version."""
    folder = tmp_path / "registered"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_it_answers_the_prompts_of_the_exam_and_its_greedy_answers_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_t5: Policy, registered: Path
):
    checkout = Checkout(tmp_path / "checkout")
    exam = read_exam(checkout.workspace, checkout.run("r1", answers(30)))
    monkeypatch.setattr(anew, "fetch", lambda registry, version: registered)
    monkeypatch.setattr("rsft.policy.load_policy", lambda folder, device: tiny_t5)
    monkeypatch.setattr("rsft.policy.use_machine", lambda section: "cpu")
    asked = []

    def answer_set(policy: Policy, config: Any, rewards: Any, name: str, prompts: list[Any]):
        asked.append((policy, name, [prompt.prompt_id for prompt in prompts]))
        return [*greedy(35, name), *sampled(0, "0")]

    monkeypatch.setattr("rsft.stages.answering.answer_set", answer_set)
    found = anew.answer_anew(checkout.workspace, None, VERSION, HASH, exam)
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
        anew.answer_anew(checkout.workspace, None, VERSION, HASH, exam)


@pytest.mark.parametrize("change", ["flipped", "gone", "more"])
def test_a_model_that_is_not_the_one_on_record_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: Path, change: str
):
    checkout = Checkout(tmp_path / "checkout")
    exam = read_exam(checkout.workspace, checkout.run("r1", answers(30)))
    monkeypatch.setattr(anew, "fetch", lambda registry, version: registered)
    monkeypatch.setattr(
        "rsft.policy.load_policy", lambda folder, device: pytest.fail("it was loaded")
    )
    weights = registered / "model.safetensors"
    if change == "gone":
        weights.unlink()
    else:
        (registered / "more" if change == "more" else weights).write_bytes(b"Weights")
    message = (
        f"^rsft/3: the model in {registered} is .*, and {HASH} is on record; `rsft audit rsft/3`"
    )
    with pytest.raises(LineageError, match=message):
        anew.answer_anew(checkout.workspace, None, VERSION, HASH, exam)


def own_reward(tmp_path: Path, reward: str) -> tuple[Checkout, Exam, Path]:
    """A run with a function of the user's in the folder that git ignores."""
    checkout = Checkout(tmp_path / "checkout", f"score.rewards={{'{reward}': 1}}", "monitor={}")
    root = checkout.workspace.root
    (root / ".gitignore").write_text(".dvc/\nscratch/\ndata/raw/\n")
    own = root / "data" / "raw" / "mine.py"
    own.parent.mkdir(parents=True)
    own.write_text("def score(prompt, completions): return [1.0]\n")
    raw = checkout.folder({"mine.py": own.read_bytes()})
    run = checkout.run("r1", answers(30), inputs={"data/raw": {"hash": raw, "size": 1, "files": 1}})
    return checkout, read_exam(checkout.workspace, run), own


@pytest.mark.parametrize(
    ("reward", "is_refused"), [("worked_solution", False), ("mine:score", True)]
)
def test_what_the_user_brought_counts_where_a_reward_is_made_of_it(
    tmp_path: Path, reward: str, is_refused: bool
):
    checkout, exam, own = own_reward(tmp_path, reward)
    assert anew.differing_judges(checkout.workspace, exam) == []
    own.write_text("def score(prompt, completions): return [0.5]\n")
    differing = anew.differing_judges(checkout.workspace, exam)
    assert differing == (["data/raw/mine.py"] if is_refused else [])


def test_a_run_that_did_not_record_what_judged_it_is_refused(tmp_path: Path):
    checkout, exam, _ = own_reward(tmp_path, "mine:score")
    forgot = replace(exam, run=replace(exam.run, manifest=exam.run.manifest | {"inputs": {}}))
    with pytest.raises(LineageError, match="run/r1 has no data/raw on record, of which its rew"):
        anew.differing_judges(checkout.workspace, forgot)
