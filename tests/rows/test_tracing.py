"""Forward through runs; and runs that were told to forget are proven free, or found not to be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rsft.errors import LineageError
from rsft.ledger import read_rows, write_rows
from rsft.lineage import RunRecord, Workspace, read_runs
from rsft.lineage.tagging import write_tag
from rsft.prompts.forgotten import Forgotten, digest, read_forgotten
from rsft.rows import (
    RunTrace,
    Trace,
    Wanted,
    forget,
    name_prompt,
    name_value,
    plan_purge,
    trace,
)
from rsft.types import Decided, Prompt, TrainingRow
from tests.rows.cases import EVAL, TRAIN, record, write_data
from tests.stages.cases import row
from tests.workspaces import git, tag_spoilt


def traced(workspace: Workspace, wanted: Wanted) -> Trace:
    return trace(workspace, read_runs(workspace), wanted, read_forgotten())


def named(workspace: Workspace, text: str) -> Wanted:
    return name_prompt(workspace, read_runs(workspace)[::-1], text, read_forgotten())


def test_a_prompt_is_followed_under_whatever_id(workspace: Workspace) -> None:
    """In the latest run, ``train-1`` is what was ``train-0`` before."""
    found = traced(workspace, named(workspace, "train-1"))
    first, second = found.runs
    assert found.wanted.prompt == replace(TRAIN[0], prompt_id="train-1")
    assert [one.prompt.prompt_id for one in first.prompts] == ["train-0"]
    assert [one.prompt.prompt_id for one in second.prompts] == ["train-1"]
    assert (first.state, second.state) == ("holds", "holds")
    assert list(map(str, first.accepted)) == ["train-0:1:0", "train-0:2:0"]
    assert found.forgotten_at is None


def test_every_file_that_has_something_of_it_is_told(workspace: Workspace) -> None:
    first = traced(workspace, named(workspace, TRAIN[0].text)).runs[0]
    assert {file.path: file.rows for file in first.files} == {
        "data/prompts/train.parquet": 1,
        "data/rounds/1/decisions/part-00000.parquet": 2,
        "data/rounds/1/accepted/part-00000.parquet": 1,
        "data/rounds/1/pool/kept.parquet": 1,
        "data/rounds/1/pool/seen.parquet": 2,
        "data/rounds/2/decisions/part-00000.parquet": 1,
        "data/rounds/2/accepted/part-00000.parquet": 1,
        "data/rounds/2/pool/kept.parquet": 2,
        "data/rounds/2/pool/seen.parquet": 3,
    }
    assert [(m.path, m.how, m.rows, m.versions) for m in first.models] == [
        ("data/rounds/1/trained", "trained", 1, ()),
        ("data/rounds/2/trained", "trained", 2, ("rsft/3",)),
        ("data/controls/2/no_filter/model", "trained", None, ()),
        ("data/controls/2/random/model", "perhaps", None, ()),
    ]


def test_a_run_that_says_nothing_is_told_and_the_others_are_followed(workspace: Workspace) -> None:
    tag_spoilt(workspace.root, "{")
    found = traced(workspace, named(workspace, "train-1"))
    assert ([run.state for run in found.runs], found.spoilt) == (["holds"] * 2, ["run/spoilt"])
    assert plan_purge(workspace, found).unread == (
        "run/spoilt: its manifest is none, so what it has of it is not known; `git fetch --tags "
        "--force` from a sound copy brings it back",
    )


def test_an_evaluation_prompt_is_in_data_and_in_no_model(workspace: Workspace) -> None:
    first = traced(workspace, named(workspace, "eval-0")).runs[0]
    assert [file.path for file in first.files] == [
        "data/prompts/eval.parquet",
        "data/rounds/1/pool/contamination.parquet",
        "data/rounds/2/pool/contamination.parquet",
    ]
    assert first.models == ()


def test_a_whole_source_is_followed(workspace: Workspace) -> None:
    found = traced(workspace, name_value("source", "test"))
    assert len(found.runs[0].prompts) == len(TRAIN) + len(EVAL) + 1
    assert {run.state for run in traced(workspace, name_value("source", "tes")).runs} == {"none"}


@pytest.mark.parametrize("text", ["train-9", "", "train has 0 pens", "\x1b[2J"])
def test_what_names_no_prompt_is_an_error(workspace: Workspace, text: str) -> None:
    with pytest.raises(LineageError, match="is the id or the text of no prompt"):
        named(workspace, text)


def test_a_table_that_is_missing_or_broken_is_told_and_the_rest_is_read(
    workspace: Workspace, runs: list[RunRecord]
) -> None:
    from rsft.rows.data import RunData

    data = RunData(workspace, runs[0])
    data.files("data/rounds/1/pool/seen.parquet")[0].file.unlink()
    data.files("data/rounds/1/pool/kept.parquet")[0].file.write_bytes(b"PAR1")
    first = traced(workspace, named(workspace, TRAIN[0].text)).runs[0]
    assert (first.state, len(first.files)) == ("holds", 7)
    told = " ".join(first.unread)
    assert "seen.parquet of run 20260101-one is neither in the cache nor in" in told
    assert "no readable table" in told


def next_run(workspace: Workspace, plant: Callable[[Path], None]) -> RunTrace:
    """A run that was told to forget ``TRAIN[0]`` of the first, with something planted."""
    first = read_runs(workspace)[:1]
    assert forget(name_prompt(workspace, first, "train-0", []), "asked to")
    git(workspace.root, "commit", "--quiet", "--all", "--message=Forget")
    left = [prompt for prompt in TRAIN if prompt.text != TRAIN[0].text]
    write_data(workspace.root, {"train": left})
    for file in sorted((workspace.root / "data").rglob("*.parquet")):
        for kind in (Decided, TrainingRow):
            if file.parent.name != "prompts" and "contamination" not in str(file):
                _without(file, kind)
    plant(workspace.root / "data")
    record(workspace.root, "20260103-next")
    found = traced(workspace, named(workspace, TRAIN[0].text))
    assert found.forgotten_at is not None
    return found.runs[-1]


def _without(file: Path, kind: type) -> None:
    from rsft.errors import LedgerError

    try:
        rows = [one for one in read_rows(file, kind) if one.prompt_id != "train-0"]
    except LedgerError:
        return  # a table of something else
    write_rows(file, kind, rows)


def test_the_next_run_is_proven_free_of_it(workspace: Workspace) -> None:
    found = next_run(workspace, lambda data: None)
    assert (found.state, found.files, found.unread) == ("free", (), ())
    assert found.looked_through == 28


def test_it_is_not_called_free_where_a_table_cannot_be_read(workspace: Workspace) -> None:
    found = next_run(workspace, lambda data: (data / "base/pool/seen.parquet").write_bytes(b""))
    assert found.state == "unproven"


PLANTED = "data/rounds/2/pool/seen.parquet"


def plant(data: Path) -> None:
    """The question in another writing, under another id."""
    one = replace(row(3, "x"), prompt="TRAIN has 0 pens, and buys 7 more!")
    write_rows(data / PLANTED.removeprefix("data/"), TrainingRow, [one])


def test_a_run_that_is_not_free_of_it_is_found_and_purged(workspace: Workspace) -> None:
    found = next_run(workspace, plant)
    assert found.state == "not_free"
    assert [(file.path, file.traces) for file in found.files] == [(PLANTED, ("question",))]
    plan = plan_purge(workspace, traced(workspace, named(workspace, TRAIN[0].text)))
    assert {file.hash for file in found.files} < set(plan.hashes)
    assert plan.run_ids[-1] == "20260103-next"
    models = plan.details["models"]["20260103-next"]
    assert [(model["path"], model["how"]) for model in models] == [
        ("data/controls/2/no_filter/model", "trained"),
        ("data/controls/2/random/model", "perhaps"),
    ]


def test_by_its_sources_own_id_it_is_found_under_another_text(
    workspace: Workspace,
) -> None:
    """``train-0`` of the source ``test`` is no number of ours."""
    prompt = replace(TRAIN[0], text="Something else that has never been asked")
    found = next_run(
        workspace, lambda data: write_rows(data / "prompts/guard.parquet", Prompt, [prompt])
    )
    assert [(file.path, file.traces) for file in found.files] == [
        ("data/prompts/guard.parquet", ("id",))
    ]


def test_what_is_forgotten_is_still_known_by_id_text_and_hash(workspace: Workspace) -> None:
    wanted = named(workspace, TRAIN[0].text)
    forget(wanted, None)
    assert not forget(wanted, None)
    (entry,) = read_forgotten()
    assert entry == Forgotten(
        kind="prompt",
        hash=wanted.hash,
        id=digest("id", "train-1"),
        by_id=True,
        reason=None,
        at=entry.at,
    )
    for text in ("train-1", TRAIN[0].text, f" {TRAIN[0].text.upper()}", wanted.hash[:12]):
        assert name_prompt(workspace, [], text, [entry]).hash == wanted.hash
    with pytest.raises(LineageError):
        name_prompt(workspace, [], wanted.hash[:11], [entry])


def test_a_list_in_a_tag_that_cannot_be_read_is_told_and_ends_nothing(
    workspace: Workspace,
) -> None:
    (workspace.root / "data/forgotten.jsonl").write_text("{}\n")
    git(workspace.root, "commit", "--quiet", "--all", "--message=Spoilt")
    write_data(workspace.root)
    record(workspace.root, "20260103-next")
    (workspace.root / "data/forgotten.jsonl").write_text("")
    last = traced(workspace, named(workspace, TRAIN[0].text)).runs[-1]
    assert last.state == "holds"
    assert "run/20260103-next:data/forgotten.jsonl:1: no entry" in last.unread[-1]


@pytest.mark.parametrize(
    "models",
    [None, 5, {"20260101-one": 5}, {"20260101-one": [{}]}, {"20260101-one": [{"path": 1}]}],
)
def test_what_anothers_purge_claims_is_not_taken_for_true(
    workspace: Workspace, models: object
) -> None:
    wanted = named(workspace, TRAIN[0].text)
    before = traced(workspace, wanted)
    told = {"kind": "purged", "hashes": ["f" * 32], "reason": "why", "models": models}
    of = {"kind": "prompt", "hash": wanted.hash}
    write_tag(workspace.root, "purge/1", "HEAD", "Purge", told | {"of": of})
    assert [run.state for run in traced(workspace, wanted).runs] == ["holds", "holds"]
    assert traced(workspace, wanted).runs[0].models == before.runs[0].models
