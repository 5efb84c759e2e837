"""What a version, a run or a data set came from, and how it is shown."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rsft.lineage import Workspace
from rsft.report.lineage import lineage_tree
from rsft.runs.origin import trace_origin
from rsft.runs.subjects import find_subject
from tests.runs.records import FIRST, make_checkout, make_run, manifest
from tests.workspaces import git


def origin(workspace: Workspace, text: str) -> dict[str, Any]:
    return trace_origin(workspace, find_subject(workspace, text, "rsft"))


def shown(found: dict[str, Any], width: int = 80) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(lineage_tree(found))
    return captured.get()


def test_a_version_has_its_run_its_commits_and_its_record(recorded: Workspace) -> None:
    found = origin(recorded, "rsft@champion")
    subject = {"model": "rsft", "version": 1, "aliases": ["champion"]}
    assert found["subject"].items() >= subject.items()
    assert found["subject"]["hash"] == "e" * 32 + ".dir"
    assert (found["run_id"], found["git_tag"]) == (FIRST, f"run/{FIRST}")
    assert found["git_commit"] == git(recorded.root, "rev-parse", f"run/{FIRST}^{{}}")
    assert found["head"] == git(recorded.root, "rev-parse", "main")
    events = [(entry["kind"], entry["version"]) for entry in found["record"]]
    assert events == [("registered", 1), ("promoted", 1)]
    assert found["record"][1]["approved_by"] == "Eve"
    assert found["made_by"] == "ann <ann@example.org>"


def test_what_the_run_says_of_itself_is_told(recorded: Workspace) -> None:
    found, told = origin(recorded, FIRST), manifest(FIRST)
    for key in ("seed", "base", "params", "scorers", "expectations", "flow_run_id", "sources"):
        assert found[key] == told[key]


def test_the_latest_version_that_does_not_serve_is_the_challenger(recorded: Workspace) -> None:
    assert origin(recorded, "rsft/2")["subject"]["aliases"] == ["challenger"]


def test_every_data_set_has_hash_size_rows_and_the_stage_that_made_it(recorded: Workspace) -> None:
    stages = origin(recorded, FIRST)["stages"]
    pool = stages["generate@1"]["outs"]["data/rounds/1/pool"]
    assert pool == {"hash": "d" * 32 + ".dir", "size": 1500, "files": 2, "rows": {".": 12}}
    assert stages["prompts"]["outs"]["data/prompts"]["rows"] == {"train.parquet": 64}
    assert stages["prompts"]["data"] == {"data/raw": {"hash": "a" * 32 + ".dir", "of": None}}
    train = {"hash": "f" * 32, "of": "prompts"}
    assert stages["base"]["data"] == {"data/prompts/train.parquet": train}
    assert stages["prompts"]["code"] == {"rsft/types.py": "1" * 32}
    assert stages["generate@1"]["settings"] == {"seed": "7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rsft/1", ["prompts", "base", "generate@1", "finetune@1"]),
        ("data/base/model", ["prompts", "base"]),
        ("data/raw", []),
        (
            "data/rounds/1/evaluation.json",
            ["prompts", "base", "generate@1", "finetune@1", "evaluate@1"],
        ),
    ],
)
def test_the_stages_that_it_came_from_are_marked(
    recorded: Workspace, text: str, expected: list[str]
) -> None:
    stages = origin(recorded, text)["stages"]
    assert [name for name, stage in stages.items() if stage["is_origin"]] == expected


def test_a_person_sees_every_hash_whole_within_eighty_columns(recorded: Workspace) -> None:
    text = shown(origin(recorded, "rsft@champion"))
    assert max(map(len, text.splitlines())) <= 80
    hashes = [letter * 32 + ".dir" for letter in "abcde"] + ["f" * 32, "8" * 64]
    commits = [git(recorded.root, "rev-parse", name) for name in (f"run/{FIRST}^{{}}", "main")]
    for word in (*hashes, *commits):
        assert word in text
    assert "9" * 32 not in text  # the model did not come from its evaluation


def test_a_person_sees_what_it_is_and_what_became_of_it(recorded: Workspace) -> None:
    text = " ".join(shown(origin(recorded, "rsft@champion"), width=200).split())
    for told in (
        "rsft version 1 @champion",
        "data/rounds/1/pool 2 files, 1.5 kB, 12 rows",
        "generate: engine native, law.p 0.5",
        "round 1: passed, 34 expectations judged",
        "embedded (CC0-1.0): 12 rows of 9 prompts in 3 families",
        "approved by Eve: +5.0 points [1.2, 8.8]",
        "data/raw 2 files, 1.5 kB, brought by the user",
        "scored by f1 × 0.5",
    ):
        assert told in text


def test_a_run_that_is_marked_says_so(tmp_path: Path) -> None:
    workspace = make_checkout(tmp_path)
    (tmp_path / "params.yaml").write_text("register: {name: other}\n")
    make_run(workspace, FIRST, changed=["rsft/a.py"])
    text = shown(origin(workspace, FIRST))
    assert "edited since that commit: params.yaml" in text
    assert "changed while it ran, so never promoted: rsft/a.py" in text


def test_an_edge_that_does_not_hold_is_shown_with_its_hash(tmp_path: Path) -> None:
    workspace = make_checkout(tmp_path)
    stages = manifest(FIRST)["stages"]
    stages["finetune@1"]["deps"]["data/rounds/1/pool"] = "3" * 32 + ".dir"
    make_run(workspace, FIRST, stages=stages)
    text = " ".join(shown(origin(workspace, FIRST)).split())
    assert f"{'3' * 32}.dir, which is not what was made" in text


def test_names_and_messages_are_hostile(tmp_path: Path) -> None:
    workspace = make_checkout(tmp_path)
    name = "[bold]x[/bold]\x1b]0;owned\x07\n└── rsft version 9"
    source = {"source": name, "licence": name, "rows": 1, "prompts": 1, "families": 1}
    make_run(workspace, FIRST, sources=[source], changed=[name])
    text = shown(origin(workspace, FIRST), width=200)
    assert r"[bold]x[/bold]\x1b]0;owned\x07\n└── rsft version 9" in text
    assert "\x1b" not in text.replace("\x1b[", "")
    assert "\x07" not in text


def test_it_is_answered_without_what_takes_seconds_to_import(recorded: Workspace) -> None:
    code = (
        "import sys\n"
        "from rsft.cli import app\n"
        "from rsft.lineage import Workspace\n"
        "from rsft.report.lineage import lineage_tree\n"
        "from rsft.runs.origin import trace_origin\n"
        "from rsft.runs.subjects import find_subject\n"
        "from pathlib import Path\n"
        f"workspace = Workspace(root=Path({str(recorded.root)!r}), home=Path('/'))\n"
        "lineage_tree(trace_origin(workspace, find_subject(workspace, 'rsft/1', 'rsft')))\n"
        "slow = {'mlflow', 'dvc', 'torch', 'prefect', 'great_expectations', 'pydantic'}\n"
        "print(sorted(slow & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
