"""The fingerprint of an evaluation: answers under one can be compared in pairs."""

from pathlib import Path
from typing import Any

import pytest

from rsft.config import Config, load_config
from rsft.ledger import write_rows
from rsft.runs.facts import evaluation_fingerprint
from rsft.types import Prompt
from tests.workspaces import ROOT


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Two sets of one prompt each."""
    monkeypatch.chdir(tmp_path)
    shipped = load_config(ROOT / "params.yaml")
    config = _with(shipped, "evaluate", sets={"eval": "eval", "guard": "guard_templates"})
    prompt = Prompt(
        prompt_id="p1",
        text="1 + 1",
        answers=("2",),
        solution=None,
        family="f1",
        source="s",
        licence="MIT",
    )
    for split in config.evaluate.sets.values():
        write_rows(Path(f"data/prompts/{split}.parquet"), Prompt, [prompt])
    return config


def test_the_form_of_the_record_is_part_of_an_evaluation(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier version recorded in columns of its own is not read: those are asked anew."""
    first = evaluation_fingerprint(config, "judges")
    monkeypatch.setattr("rsft.runs.facts.Answer", Prompt)
    assert evaluation_fingerprint(config, "judges") != first


def test_other_prompts_another_judge_or_another_cap_are_another_evaluation(config: Config) -> None:
    first = evaluation_fingerprint(config, "judges")
    found = [
        evaluation_fingerprint(config, "others"),
        evaluation_fingerprint(_with(config, "evaluate", max_new_tokens=3), "judges"),
        evaluation_fingerprint(_with(config, "filter", correct_reward=0.25), "judges"),
    ]
    assert evaluation_fingerprint(config, "judges") == first
    for split in ("guard_templates", "eval"):
        file = Path(f"data/prompts/{split}.parquet")
        file.write_bytes(file.read_bytes() + b" ")
        found.append(evaluation_fingerprint(config, "judges"))
    assert len({first, *found}) == 6


def _with(config: Config, section: str, **changes: Any) -> Config:
    changed = getattr(config, section).model_copy(update=changes)
    return config.model_copy(update={section: changed})
