"""What holds something forgotten is deleted by record; models stay, and are told."""

import json
import shutil
from pathlib import Path

import pytest

from rsft.errors import LineageError, WorkspaceError
from rsft.ledger import write_rows
from rsft.lineage import (
    Cache,
    Workspace,
    hold_checkouts,
    purge_objects,
    read_purged,
    read_purges,
    read_runs,
)
from rsft.lineage.tagging import write_tag
from rsft.prompts.forgotten import read_forgotten
from rsft.rows import (
    Purge,
    RowAddress,
    Trace,
    explain_row,
    forget,
    name_prompt,
    plan_purge,
    purge,
    trace,
)
from rsft.rows.data import RunData
from rsft.rows.purging import _copies
from rsft.types import Decided, TrainingRow
from tests.rows.cases import TRAIN, cached, record, write_data
from tests.stages.cases import decided, row
from tests.workspaces import git

PAGES = Path("pages")


def traced(workspace: Workspace) -> Trace:
    runs = read_runs(workspace)
    wanted = name_prompt(workspace, runs[::-1], TRAIN[0].text, read_forgotten())
    return trace(workspace, runs, wanted, read_forgotten())


def remote(workspace: Workspace, url: Path | str) -> None:
    """A remote that holds what the cache holds."""
    config = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {url}\n"
    (workspace.root / ".dvc/config").write_text(config)


def objects(folder: Path) -> set[str]:
    return {"".join(file.parts[-2:]) for file in folder.rglob("*") if file.is_file()}


def planned(workspace: Workspace) -> Purge:
    found = traced(workspace)
    forget(found.wanted, None)
    return plan_purge(workspace, found)


def test_the_tag_names_what_is_deleted_from_cache_and_remote(
    workspace: Workspace, tmp_path: Path
) -> None:
    cache = workspace.root / ".dvc/cache/files/md5"
    store = tmp_path / "store/files/md5"
    store.parent.mkdir(parents=True)
    shutil.copytree(cache, store)
    remote(workspace, tmp_path / "store")
    plan, before = planned(workspace), objects(cache)
    deleted = purge(workspace, plan, "asked to", PAGES)
    assert plan.run_ids == ("20260101-one", "20260102-two")
    count = len(plan.hashes)
    assert (deleted.tag, deleted.cached, deleted.remote) == ("purge/1", count, count)
    (found,) = read_purges(workspace)
    rests = set(found.details["rests"].values())
    assert objects(cache) == objects(store) == before - set(plan.hashes) | rests
    text = TRAIN[0].text.encode()
    assert not any(text in cache.joinpath(md5[:2], md5[2:]).read_bytes() for md5 in rests)
    assert (found.tag, set(found.hashes)) == ("purge/1", set(plan.hashes))
    assert found.reason == "asked to"
    assert git(workspace.root, "cat-file", "-t", "purge/1") == "tag"
    assert read_purged(workspace) == dict.fromkeys(plan.hashes, "purge/1")


def test_it_is_told_as_purged_and_which_models_had_learnt_from_it(workspace: Workspace) -> None:
    before = traced(workspace)
    purge(workspace, planned(workspace), "asked to", PAGES)
    after = traced(workspace)
    assert [run.state for run in after.runs] == ["purged", "purged"]
    assert [run.models for run in after.runs] == [run.models for run in before.runs]
    for name in ("train-0:1:0", "train-1:1:0"):
        with pytest.raises(LineageError, match=r"any more, .* was purged, as the tag purge/1 says"):
            explain_row(workspace, read_runs(workspace)[0], RowAddress.parse(name))
    told = explain_row(workspace, read_runs(workspace)[0], RowAddress.parse("train-2:1:0"))
    assert told.completion == "four"


def test_without_a_remote_the_cache_is_purged(workspace: Workspace) -> None:
    plan = planned(workspace)
    assert not plan.is_evaluated
    deleted = purge(workspace, plan, "asked to", PAGES)
    assert (deleted.cached, deleted.remote) == (len(plan.hashes), None)


def test_a_purge_that_could_not_reach_the_remote_is_gone_on_with(
    workspace: Workspace, tmp_path: Path
) -> None:
    remote(workspace, "gs://bucket/whose-client-is-not-installed")
    plan = planned(workspace)
    with pytest.raises(LineageError, match=r"the remote cannot be purged .* run the same command"):
        purge(workspace, plan, "asked to", PAGES)
    left = tmp_path / "store" / "files" / "md5" / plan.hashes[0][:2] / plan.hashes[0][2:]
    left.parent.mkdir(parents=True)
    left.touch()
    remote(workspace, tmp_path / "store")
    deleted = purge(workspace, planned(workspace), "asked to", PAGES)
    assert (deleted.tag, deleted.cached, deleted.remote) == (None, 0, 1)
    assert not left.exists()


def test_copies_and_parts_of_ledgers_go_and_others_stay(
    workspace: Workspace, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    git(workspace.root, "worktree", "add", "--quiet", "--detach", str(tree))
    data = RunData(workspace, read_runs(workspace)[0])
    kept, base = (data.files(f"data/{name}/pool/kept.parquet")[0] for name in ("rounds/1", "base"))
    for file in (kept, base):
        (tree / file.path).parent.mkdir(parents=True)
        (tree / file.path).write_bytes(file.file.read_bytes())
    write_rows(workspace.root / kept.path, TrainingRow, [row(0, "of another run")])
    ledger = workspace.root / ".rsft/ledger/plan"
    for number in (0, 3):
        write_rows(ledger / f"part-{number}.parquet", Decided, [decided(number, "x")])
    plan = planned(workspace)
    assert plan.copies == (tree / kept.path, ledger / "part-0.parquet")
    PAGES.mkdir()
    purge(workspace, plan, "asked to", PAGES)
    assert not PAGES.exists()
    assert not (tree / kept.path).exists()
    assert (tree / base.path).exists()
    assert (workspace.root / kept.path).exists()
    assert [file.name for file in ledger.iterdir()] == ["part-3.parquet"]


def test_while_a_run_is_at_work_in_any_checkout_nothing_is_purged(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("tree", "gone"):
        git(workspace.root, "worktree", "add", "--quiet", "--detach", str(tmp_path / name))
    shutil.rmtree(tmp_path / "gone")
    tree = Workspace(root=tmp_path / "tree", home=workspace.home)
    for busy, other in ((workspace, tree), (tree, workspace)):
        with (
            busy.hold("20260103-busy"),
            pytest.raises(WorkspaceError, match=rf"{busy.root} is held by run 20260103-busy"),
            hold_checkouts(other, "purge"),
        ):
            pass
    with (
        hold_checkouts(workspace, "purge"),
        pytest.raises(WorkspaceError, match="run purge"),
        tree.hold("20260104-next"),
    ):
        pass
    with tree.hold("20260104-next"):
        pass


def test_purges_are_numbered_and_foreign_tags_are_none(workspace: Workspace) -> None:
    git(workspace.root, "tag", "--annotate", "purge/x", "-m", "Title\n\n[1]")
    git(workspace.root, "tag", "purge/light")
    for number in range(11):
        assert (
            purge_objects(workspace, [f"{number:032}"], "why\n\x1e", {}).tag
            == f"purge/{number + 1}"
        )
    assert [found.tag for found in read_purges(workspace)] == [f"purge/{n}" for n in range(1, 12)]


@pytest.mark.parametrize(
    "changes",
    [
        {"hashes": ["OUTSIDE"]},
        {"hashes": ["f" * 32, 5]},
        {"hashes": 5},
        {"hashes": "f" * 32},
        {"reason": None},
    ],
)
def test_a_tag_that_names_what_is_no_object_deletes_nothing(
    workspace: Workspace, tmp_path: Path, changes: dict
) -> None:
    """Tags are fetched from others, and a purge deletes what all earlier ones name."""
    mine = tmp_path / "thesis.tex"
    mine.touch()
    document = {"kind": "purged", "hashes": ["f" * 32], "reason": "why"} | changes
    body = json.dumps(document).replace("OUTSIDE", f"ab{mine}")
    git(workspace.root, "tag", "--annotate", "purge/1", "-m", f"Title\n\n{body}")
    deleted = purge_objects(workspace, ["e" * 32], "asked to", {})
    assert mine.exists()
    assert deleted.tag == "purge/2"
    assert [found.tag for found in read_purges(workspace)] == ["purge/2"]


def test_of_the_users_files_go_the_versions_that_the_cache_keeps(workspace: Workspace) -> None:
    """The prompts' source is ``test``; another file of that text is not where they came from."""
    source = workspace.root / "data/raw/test"
    source.parent.mkdir()
    inputs = {}
    for number, text in enumerate((TRAIN[0].text, f"{TRAIN[0].text} or not?", "another")):
        source.write_text(json.dumps({"prompt": text}))
        write_data(workspace.root)
        inputs = {"data/raw": {"hash": cached(workspace.root, "data/raw"), "size": 1, "files": 1}}
        record(workspace.root, f"2026010{3 + number}-raw", inputs=inputs)
    kept = {Cache(workspace).members(out["hash"])[0].hash for out in inputs.values()}
    versions = {
        member.hash
        for run in read_runs(workspace)
        for out in run.manifest.get("inputs", {}).values()
        for member in Cache(workspace).members(out["hash"])
    }
    plan = planned(workspace)
    assert len(versions) == 3
    assert versions - set(plan.hashes) == kept
    assert plan.sources == ()
    assert plan.run_ids[-2:] == ("20260104-raw", "20260105-raw")
    source.write_text(json.dumps({"prompt": TRAIN[0].text}))
    source.with_name("other").write_text(TRAIN[0].text)
    assert plan_purge(workspace, traced(workspace)).sources == ("data/raw/test",)


def test_versions_that_no_run_has_read_go_too_and_files_that_were_taken_in_are_told(
    workspace: Workspace,
) -> None:
    dropped = workspace.root / "data" / "incoming" / "done" / "a.jsonl"
    dropped.parent.mkdir(parents=True)
    dropped.write_text("other\n")
    before = cached(workspace.root, "data/incoming/done/a.jsonl")
    dropped.write_text(json.dumps({"prompt": TRAIN[0].text}))
    after = cached(workspace.root, "data/incoming/done/a.jsonl")
    told = [{"before": "", "fingerprint": before}, {"before": before, "fingerprint": after}]
    told.append({"before": after, "fingerprint": "../x"})
    journal = workspace.root / "data" / "additions.jsonl"
    journal.write_text("".join(f"{json.dumps(one)}\n" for one in told))
    plan = planned(workspace)
    assert {before, after} & set(plan.hashes) == {after}
    assert plan.sources == ("data/incoming/done/a.jsonl",)


def test_what_lies_in_other_tables_of_a_purged_run_is_still_followed(workspace: Workspace) -> None:
    purge(workspace, planned(workspace), "asked to", PAGES)
    runs = read_runs(workspace)
    asked = name_prompt(workspace, runs[::-1], "eval-0", [])
    first = trace(workspace, runs, asked).runs[0]
    assert first.state == "holds"
    assert first.files[0].path == "data/prompts/eval.parquet"
    assert first.unread == ()


def test_another_prompt_of_a_purged_table_can_still_be_followed_and_purged(
    workspace: Workspace,
) -> None:
    """What stays of the tables goes in turn, and what stays of that is a third one's."""
    purge(workspace, planned(workspace), "asked to", PAGES)
    runs = read_runs(workspace)
    for number in (2, 3):
        wanted = name_prompt(workspace, runs[::-1], TRAIN[number].text, [])
        assert wanted.hash == name_prompt(workspace, runs[::-1], f"train-{number}", []).hash
        found = trace(workspace, runs, wanted)
        assert [run.state for run in found.runs] == ["holds", "holds"]
        assert found.runs[0].files[0].path == "data/prompts/train.parquet"
        deleted = purge(workspace, plan_purge(workspace, found), "asked to", PAGES)
        assert deleted.tag == f"purge/{number}"
        after = trace(workspace, runs, wanted)
        assert [(run.state, run.files) for run in after.runs] == [("purged", ())] * 2
        assert not any(
            TRAIN[number].text.encode()
            in (workspace.root / ".dvc/cache").joinpath(path).read_bytes()
            for path in (workspace.root / ".dvc/cache").rglob("*")
            if path.is_file()
        )


def test_a_prompt_whose_tables_are_lost_is_followed_by_its_rows_or_its_text(
    workspace: Workspace,
) -> None:
    """``train-2`` is told of by rows that are never trained on, ``train-3`` by none."""
    for md5 in planned(workspace).hashes:
        Cache(workspace).object(md5).unlink()
    runs = read_runs(workspace)
    for text in ("train-2", TRAIN[2].text):
        found = trace(workspace, runs, name_prompt(workspace, runs[::-1], text, []))
        assert [run.state for run in found.runs] == ["holds", "holds"]
        assert [file.path for file in found.runs[0].files] == [
            "data/rounds/1/pool/heldout.parquet",
            "data/rounds/2/pool/heldout.parquet",
        ]
    wanted = name_prompt(workspace, runs[::-1], TRAIN[3].text, [])
    assert [run.state for run in trace(workspace, runs, wanted).runs] == ["unknown", "unknown"]
    with pytest.raises(LineageError, match="is the id or the text of no prompt"):
        name_prompt(workspace, runs[::-1], "train-3", [])


@pytest.mark.parametrize(
    "rests", [5, {"a": 1}, {"a" * 32: "../x"}, {"a" * 32: "b" * 32, "b" * 32: "a" * 32}]
)
def test_what_anothers_purge_says_is_left_leads_nowhere(
    workspace: Workspace, rests: object
) -> None:
    train = RunData(workspace, read_runs(workspace)[0]).files("data/prompts/train.parquet")[0]
    if isinstance(rests, dict) and "a" * 32 in rests:
        rests |= {train.hash: "a" * 32}
    told = {"kind": "purged", "hashes": ["f" * 32], "reason": "", "rests": rests}
    write_tag(workspace.root, "purge/1", "HEAD", "Purge", told)
    data = RunData(workspace, read_runs(workspace)[0])
    assert data.files("data/prompts/train.parquet") == [train]
    train.file.unlink()
    with pytest.raises(LineageError, match="neither in the cache nor in the remote"):
        data.require(data.files("data/prompts/train.parquet")[0])


@pytest.mark.parametrize("lost", [".dir", ""])
def test_what_is_in_the_remote_alone_is_looked_through_and_goes(
    workspace: Workspace, tmp_path: Path, lost: str
) -> None:
    """Lists of folders, or all objects, are no longer in the cache."""
    cache, store = workspace.root / ".dvc/cache/files/md5", tmp_path / "store/files/md5"
    store.parent.mkdir(parents=True)
    shutil.copytree(cache, store)
    remote(workspace, tmp_path / "store")
    expected = planned(workspace)
    for file in list(cache.rglob("*")):
        if file.is_file() and file.name.endswith(lost):
            file.unlink()
    plan = planned(workspace)
    assert (plan.hashes, plan.run_ids) == (expected.hashes, expected.run_ids)
    deleted = purge(workspace, plan, "asked to", PAGES)
    assert deleted.remote == len(plan.hashes)
    assert not objects(store) & set(plan.hashes)


def test_what_the_remote_has_spoilt_is_not_brought(workspace: Workspace, tmp_path: Path) -> None:
    file = RunData(workspace, read_runs(workspace)[0]).files("data/prompts/train.parquet")[0]
    spoilt = tmp_path / "store/files/md5" / file.hash[:2] / file.hash[2:]
    spoilt.parent.mkdir(parents=True)
    spoilt.write_bytes(b"PAR1")
    file.file.unlink()
    remote(workspace, tmp_path / "store")
    with pytest.raises(LineageError, match="neither in the cache nor in the remote"):
        RunData(workspace, read_runs(workspace)[0]).require(file)
    assert not file.file.exists()


def test_a_list_of_inputs_that_is_lost_is_told_and_the_rest_is_purged(
    workspace: Workspace,
) -> None:
    write_data(workspace.root)
    inputs = {"data/raw": {"hash": f"{'e' * 32}.dir", "size": 1, "files": 1}}
    record(workspace.root, "20260103-raw", inputs=inputs)
    plan = planned(workspace)
    assert plan.hashes
    (problem,) = plan.unread
    assert "e" * 32 in problem


@pytest.mark.parametrize(
    "spelling", ["{}", "\\u0074{}", "\\u0054{}", "<{}>"], ids=["plain", "escaped", "case", "within"]
)
def test_a_question_is_found_in_a_file_however_it_is_spelt(
    workspace: Workspace, spelling: str
) -> None:
    text = TRAIN[0].text
    assert text[0] == "t"
    source = workspace.root / "data/raw/test"
    source.parent.mkdir()
    spelt = spelling.format(text if "u00" not in spelling else text[1:])
    source.write_text(f'{{"other": 1}}\nno JSON\n{{"prompt": "{spelt}"}}\n')
    is_there = "0054" not in spelling  # T is no t
    assert planned(workspace).sources == (("data/raw/test",) if is_there else ())


def test_a_copy_outside_of_the_checkout_is_not_deleted(workspace: Workspace) -> None:
    outside = workspace.root.parent / "train.parquet"
    data = RunData(workspace, read_runs(workspace)[0])
    (train,) = data.files("data/prompts/train.parquet")
    outside.write_bytes(train.file.read_bytes())
    assert list(_copies([workspace.root], "../train.parquet", train.hash)) == []
