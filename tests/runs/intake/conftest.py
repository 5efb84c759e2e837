"""A folder with a few prompts of one's own, and the settings that name them."""

import json
from pathlib import Path

import pytest
import yaml

from rsft.config import Config
from tests.workspaces import ROOT

_PARAMS = (ROOT / "params.yaml").read_text(encoding="utf-8")
TRAIN = [
    {"id": "t1", "prompt": "1 + 1?", "answer": "2"},
    {"id": "t2", "prompt": "2 + 2?", "answer": "4"},
]
EVAL = [
    {
        "id": "e1",
        "prompt": "How many apples does farmer number 1 have at home today in total?",
        "answer": "1",
    }
]


def write(file: Path, *rows: object) -> Path:
    """A file of JSON lines; a text is a line as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with prompts in ``data/raw``."""
    folder = tmp_path / "checkout"
    write(folder / "data" / "raw" / "train.jsonl", *TRAIN)
    write(folder / "data" / "raw" / "eval.jsonl", *EVAL)
    (folder / "data" / "forgotten.jsonl").touch()
    monkeypatch.chdir(folder)
    return folder


def settings(**files: object) -> Config:
    """The project's settings with those prompts, and with more of ``prompts.files``."""
    own = {"train": "train.jsonl", "eval": "eval.jsonl", **files}
    found = yaml.load(_PARAMS, yaml.CSafeLoader)
    found["prompts"] = {"source": "files", "files": own}
    found["evaluate"]["sets"] = {"eval": "eval"}
    return Config.model_validate(found)


def with_contamination(**actions: str) -> Config:
    """Those settings, with what becomes of prompts that share text with evaluation."""
    found = settings().model_dump(by_alias=True)
    found["pool"]["contamination"] |= actions
    return Config.model_validate(found)
