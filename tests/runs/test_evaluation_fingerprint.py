"""The fingerprint of an evaluation: answers under one can be compared in pairs."""

from pathlib import Path

import pytest

from rsft.config import Config, load_config
from rsft.ledger import write_rows
from rsft.runs.registration import evaluation_fingerprint
from rsft.types import Prompt
from tests.workspaces import ROOT


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Two sets of one prompt each."""
    monkeypatch.chdir(tmp_path)
    shipped = load_config(ROOT / "params.yaml")
    sets = {"eval": "eval", "guard": "guard_templates"}
    config = shipped.model_copy(
        update={"evaluate": shipped.evaluate.model_copy(update={"sets": sets})}
    )
    prompt = Prompt(
        prompt_id="p1",
        text="1 + 1",
        answers=("2",),
        solution=None,
        family="f1",
        source="s",
        licence="MIT",
    )
    for split in sets.values():
        write_rows(Path(f"data/prompts/{split}.parquet"), Prompt, [prompt])
    return config


def test_the_form_of_the_record_is_part_of_an_evaluation(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier version recorded in columns of its own is not read: those are asked anew."""
    first = evaluation_fingerprint(config)
    monkeypatch.setattr("rsft.runs.registration.Answer", Prompt)
    assert evaluation_fingerprint(config) != first


def test_other_prompts_or_another_judge_are_another_evaluation(config: Config) -> None:
    first = evaluation_fingerprint(config)
    judged = config.score.model_copy(update={"answer_marker": "####"})
    assert evaluation_fingerprint(config.model_copy(update={"score": judged})) != first
    assert evaluation_fingerprint(config) == first
    own = config.score.model_copy(update={"rewards": {"mine:score": 1.0}})
    by_own = config.model_copy(update={"score": own})
    Path("data/raw").mkdir()
    seen = set()
    for code in ("return [1.0]", "return [0.5]"):
        Path("data/raw/mine.py").write_text(f"def score(prompt, completions): {code}")
        seen.add(evaluation_fingerprint(by_own))
    assert len(seen) == 2, "a function of the user's that was edited judges otherwise"
    assert evaluation_fingerprint(config) == first
    seen = {first}
    for split in ("guard_templates", "eval"):
        file = Path(f"data/prompts/{split}.parquet")
        file.write_bytes(file.read_bytes() + b" ")
        seen.add(evaluation_fingerprint(config))
    assert len(seen) == 3
