"""What is new is counted against the last finished run's prompts, by what they ask."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rsft.ledger import write_rows
from rsft.lineage import Cache, Workspace
from rsft.runs.news import count_new
from rsft.stages.contract import split_file
from rsft.types import Prompt
from tests.runs.recorded import cache
from tests.runs.records import FIRST, SECOND, make_checkout, make_run, manifest
from tests.stages.cases import prompt


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / ".gitignore").write_text("data\n.dvc\n")
    monkeypatch.chdir(tmp_path)
    return make_checkout(tmp_path)


def asked(split: str, texts: Sequence[str]) -> None:
    """Writes a split of prompts with these texts; their ids are their places."""
    rows = [replace(prompt(place, split=split), text=text) for place, text in enumerate(texts)]
    write_rows(split_file(split), Prompt, rows)


def prompts_are(train: Sequence[str], labelled: Sequence[str] = ()) -> None:
    asked("train", train)
    asked("labelled", labelled)
    asked("eval", ["what is held out"])


def finish(workspace: Workspace, run_id: str) -> None:
    """Tags a run on the prompts that are there."""
    files = {file.name: file.read_bytes() for file in split_file("train").parent.iterdir()}
    told = manifest(run_id)["stages"]
    told["prompts"]["outs"]["data/prompts"]["hash"] = cache(workspace, files)
    make_run(workspace, run_id, stages=told)


def test_before_the_first_run_nobody_knows(workspace: Workspace) -> None:
    prompts_are(["a", "b"])
    assert count_new(workspace) is None


def test_prompts_are_new_by_what_they_ask_whatever_their_ids(workspace: Workspace) -> None:
    prompts_are(["a", "b"], labelled=["c"])
    finish(workspace, FIRST)
    assert count_new(workspace) == 0
    prompts_are(["What  is it", "B", "c", "a"], labelled=["new too"])
    assert count_new(workspace) == 2


def test_the_last_run_counts_and_not_the_first(workspace: Workspace) -> None:
    prompts_are(["a"])
    finish(workspace, FIRST)
    prompts_are(["a", "b"])
    assert count_new(workspace) == 1
    finish(workspace, SECOND)
    assert count_new(workspace) == 0


def test_where_the_last_runs_prompts_are_gone_nobody_knows(workspace: Workspace) -> None:
    prompts_are(["a"])
    finish(workspace, FIRST)
    for file in Cache(workspace).folder.rglob("*"):
        if file.is_file():
            file.unlink()
    assert count_new(workspace) is None


def test_a_tag_of_anothers_that_has_no_prompts_is_passed_over(workspace: Workspace) -> None:
    prompts_are(["a"])
    finish(workspace, FIRST)
    make_run(workspace, SECOND, stages={})
    prompts_are(["a", "b", "c"])
    assert count_new(workspace) == 2
