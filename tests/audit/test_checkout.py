"""What is found in the checkout, and that it touches no run's proof."""

import shutil

from rsft.lineage import md5_of
from tests.audit.conftest import (
    RUN,
    Audited,
    flip,
    tag_entry,
)


def test_a_setting_that_was_edited_after_the_run(audited: Audited) -> None:
    file = audited.root / "params.yaml"
    file.write_text(file.read_text().replace("own", "theirs"))
    found = audited.finding()
    assert found.what == f"params.yaml: prompts.source, with which run/{RUN} ran"
    assert (found.expected, found.found) == ("own", "theirs")
    assert audited.all(with_checkout=False).passed


def test_a_setting_that_no_stage_reads_may_be_edited(audited: Audited) -> None:
    file = audited.root / "params.yaml"
    file.write_text(file.read_text() + "other: 1\n")
    assert audited.all().passed


def test_settings_that_are_gone(audited: Audited) -> None:
    (audited.root / "params.yaml").write_text("seed: [\n")
    assert audited.finding().what == "params.yaml"


def test_a_lock_that_was_edited(audited: Audited) -> None:
    lock = audited.root / "dvc.lock"
    md5 = audited.run.stages["finetune"].outs["data/rounds/1/figures.json"].hash
    lock.write_text(lock.read_text().replace(md5, "f" * 32))
    found = audited.finding()
    assert "dvc.lock: stage finetune, data/rounds/1/figures.json" in found.what
    assert (found.expected, found.found) == (md5, "f" * 32)


def test_a_lock_that_is_gone(audited: Audited) -> None:
    (audited.root / "dvc.lock").unlink()
    assert audited.finding().what == f"dvc.lock, as run/{RUN} left it"


def test_a_dataset_that_was_swapped(audited: Audited) -> None:
    train = audited.root / "data/prompts/train.parquet"
    flip(train)
    (audited.root / "data/prompts/more.parquet").write_bytes(b"more")
    whats = [f.what for f in audited.all().findings]
    assert whats == [
        f"data/prompts/more.parquet, as run/{RUN} left it",
        f"data/prompts/train.parquet, as run/{RUN} left it",
    ]


def test_what_the_user_brought_may_be_changed(audited: Audited) -> None:
    before = audited.all().checked["checkout"]
    flip(audited.root / "data/raw/README.md")
    (audited.root / "data/raw/more.jsonl").touch()
    report = audited.all()
    assert report.passed
    assert [note.what for note in report.notes] == [
        f"data/raw/README.md, as run/{RUN} read it",
        f"data/raw/more.jsonl, as run/{RUN} read it",
    ]
    assert report.notes[1].expected == "nothing"
    assert {note.remedy for note in report.notes} == {"changed since; the next run reads it"}
    assert report.checked["checkout"] == before + 1


def test_of_what_the_user_brought_and_that_was_purged_the_rest_is_left(audited: Audited) -> None:
    md5 = md5_of((audited.root / "data/raw/README.md").read_bytes())
    for store in ("cache", "remote"):
        audited.object("data/raw/README.md", store).unlink()
    tag_entry(audited, "purge/1", {"kind": "purged", "hashes": [md5], "reason": "asked for"})
    assert audited.finding().found == "in the checkout still"
    (audited.root / "data/raw/README.md").write_text("Without it.")
    report = audited.all()
    assert report.passed
    assert f"data/raw/README.md, as run/{RUN} read it" in [note.what for note in report.notes]


def test_what_is_not_checked_out_is_no_finding(audited: Audited) -> None:
    shutil.rmtree(audited.root / "data/rounds")
    assert audited.all().passed


def test_while_a_run_is_at_work_it_is_left_alone(audited: Audited) -> None:
    flip(audited.root / "data/prompts/train.parquet")
    with audited.workspace.hold("20260102-other"):
        report = audited.all()
    assert report.passed
    (note,) = report.notes
    assert "held by run 20260102-other" in note.found


def test_before_a_run_has_ended_there_is_nothing_to_hold_it_against(audited: Audited) -> None:
    (audited.root / "data/run.json").unlink()
    assert "checkout" not in audited.all().checked
