"""A reward for every candidate, by rules in workers and a function of the user's."""

import dataclasses
from pathlib import Path

import pytest
import torch

from rsft.errors import LedgerError, VerifierError
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, save_policy
from rsft.score.reward_model import RewardModel
from rsft.score.target_model import TargetModel
from rsft.stages import score, scoring
from rsft.types import Candidate, Prompt, Scored
from tests.policy.classifiers import build, save
from tests.stages.cases import decided, prompt, settings, silent, write_base

FOLDER = Path("data/rounds/1")
CANDIDATE_FIELDS = [field.name for field in dataclasses.fields(Candidate)]


def candidate(number: int, text: str, draw: int = 0) -> Candidate:
    row = decided(number, text, draw=draw)
    return Candidate(**{name: getattr(row, name) for name in CANDIDATE_FIELDS})


@pytest.fixture(autouse=True)
def round_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two prompts with their answers, and one without; a wrong, a cut and right completions."""
    monkeypatch.chdir(tmp_path)
    prompts = [prompt(0), prompt(1), prompt(2, answer=None)]
    write_rows(Path("data/prompts/train.parquet"), Prompt, prompts)
    rows = [
        candidate(1, "n0 + n1 = r0"),
        candidate(0, "n0 - n1 = r0"),
        candidate(2, "n0 + n1 = r0"),
        candidate(0, "n0 + n1 = r0", draw=1),
    ]
    write_rows(FOLDER / "candidates" / "part-00000.parquet", Candidate, rows)


def run(*more: str) -> list[Scored]:
    score.run(settings("rounds=1", *more), "1", silent)
    return read_rows(FOLDER / "scored", Scored)


def test_candidates_keep_order_and_fields_and_get_their_scores() -> None:
    candidates = read_rows(FOLDER / "candidates", Candidate)
    scored = run()
    assert [{n: getattr(row, n) for n in CANDIDATE_FIELDS} for row in scored] == [
        dataclasses.asdict(row) for row in candidates
    ]
    assert [row.reward for row in scored] == [1.0, 0.0, None, 1.0]
    assert [row.score_status for row in scored] == ["ok", "ok", "unscorable", "ok"]
    assert scored[2].score_note is not None
    assert scored[2].score_note.startswith("worked_solution: ")
    assert [row.outcome for row in scored] == ["7", "-7", None, "7"]
    whole = {"worked_solution": 1.0, "worked_solution.steps": 1.0, "worked_solution.result": 1.0}
    assert scored[0].reward_breakdown == whole
    assert {(row.reference_logprob, row.is_canonical) for row in scored} == {(None, None)}


def test_a_function_of_the_user_s_lies_in_data_raw() -> None:
    raw = Path("data/raw")
    raw.mkdir()
    (raw / "lengths.py").write_text(
        "def score(prompt, completions):\n"
        "    return [{'reward': 0.5, 'characters': len(text)} for text in completions]\n"
    )
    scored = run("score.rewards={worked_solution: 1, 'lengths:score': 1}")
    assert [row.reward for row in scored] == [0.75, 0.25, None, 0.75]
    assert scored[0].reward_breakdown == {
        "worked_solution": 1.0,
        "worked_solution.steps": 1.0,
        "worked_solution.result": 1.0,
        "lengths:score": 0.5,
        "lengths:score.characters": 12.0,
    }
    assert "worked_solution" not in scored[2].reward_breakdown


def test_a_round_of_which_nothing_can_be_scored_stops_with_the_commonest_reason() -> None:
    raw = Path("data/raw")
    raw.mkdir()
    (raw / "never.py").write_text("def score(prompt, completions): return 1 / 0")
    with pytest.raises(VerifierError) as caught:
        run("score.rewards={'never:score': 1}")
    assert str(caught.value) == (
        "round 1: none of 4 completions can be scored; 4 for this reason: "
        "never:score: ZeroDivisionError: division by zero; see score.rewards"
    )
    assert not (FOLDER / "scored").exists()


def test_parts_may_come_in_another_order_than_the_prompts() -> None:
    rows = read_rows(FOLDER / "candidates", Candidate)
    for number, place in enumerate((2, 0, 1, 3)):
        write_rows(FOLDER / "candidates" / f"part-{number:05}.parquet", Candidate, [rows[place]])
    assert [row.reward for row in run()] == [None, 1.0, 0.0, 1.0]


def test_a_candidate_of_no_prompt_is_one_line() -> None:
    write_rows(FOLDER / "candidates" / "part-00001.parquet", Candidate, [candidate(9, "7")])
    with pytest.raises(LedgerError, match=r"train\.parquet: prompt 'train-9', which has rows"):
        run()


def test_no_candidates_are_no_scores() -> None:
    write_rows(FOLDER / "candidates" / "part-00000.parquet", Candidate, [])
    assert run() == []


def test_models_are_computed_where_the_settings_say(
    tiny_t5: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_base(tiny_t5, [])
    save_policy(tiny_t5, Path("data/raw/target"))
    save(build("bert"), Path("data/raw/rm"))
    asked = settings(
        "score.rewards={reward_model: 1, target_model: 1}",
        "score.reward_model={model: data/raw/rm}",
        "score.target_model={model: data/raw/target}",
        "score.reference_logprob=true",
    )
    monkeypatch.setattr(scoring, "use_machine", lambda section: torch.device("meta"))
    scorer = scoring.load_scorer(asked)
    assert scorer.base is not None
    assert scorer.base_version == tiny_t5.version
    parts = {name: reward for name, (reward, _) in scorer.rewards.parts.items()}
    reward_model, target = parts["reward_model"], parts["target_model"]
    assert isinstance(reward_model, RewardModel)
    assert isinstance(target, TargetModel)
    models = scorer.base.model, reward_model._classifier.model, target._target.model
    assert [model.device.type for model in models] == ["meta"] * 3
