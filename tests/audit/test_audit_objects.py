"""Objects that are damaged, lost or purged are found where they lie."""

import pytest

from rsft.lineage import tag_run
from tests.audit.conftest import (
    MODEL,
    RUN,
    WEIGHTS,
    Audited,
    flip,
    tag_entry,
)
from tests.workspaces import git


@pytest.mark.parametrize("store", ["cache", "remote"])
def test_a_flipped_bit_is_found_where_it_is(audited: Audited, store: str) -> None:
    file = audited.object(WEIGHTS, store)
    flip(file)
    found = audited.finding()
    md5 = file.parent.name + file.name
    assert (found.kind, found.expected) == ("object", f"MD5 {md5}")
    assert found.what == f"run/{RUN}: {WEIGHTS}"
    assert found.found.endswith(str(file))
    assert "brings the sound one" in found.remedy
    assert file.exists(), "an audit deletes nothing"


def test_a_damaged_list_of_files_is_found_and_its_files_are_hashed_nevertheless(
    audited: Audited,
) -> None:
    weights = audited.object(WEIGHTS)
    for file in (audited.object(MODEL), weights):
        flip(file)
    whats = {finding.what for finding in audited.all().findings}
    assert whats == {f"run/{RUN}: {MODEL}", f"run/{RUN}: {WEIGHTS}"}


def test_an_object_that_is_in_one_place_only_is_noted(audited: Audited) -> None:
    audited.object(WEIGHTS).unlink()
    report = audited.all()
    assert report.passed
    (note,) = report.notes
    assert note.found == "none in the cache"
    assert "1 objects" in note.what
    assert note.remedy == "`dvc fetch --all-tags`"


def test_an_object_that_is_nowhere_is_found(audited: Audited) -> None:
    audited.object(WEIGHTS).unlink()
    audited.object(WEIGHTS, "remote").unlink()
    found = audited.finding()
    assert (found.kind, found.what) == ("object", f"run/{RUN}: {WEIGHTS}")
    assert found.found.startswith("neither cache nor the remote 'store'")


def test_what_cannot_be_read_is_found(audited: Audited) -> None:
    file = audited.object(WEIGHTS)
    file.unlink()
    file.mkdir()
    assert "unreadable (Is a directory)" in audited.finding().found


def test_without_a_remote_the_cache_alone_is_hashed(audited: Audited) -> None:
    (audited.root / ".dvc/config.local").unlink()
    report = audited.all()
    assert report.passed
    assert report.checked["object"] == 17


def test_a_remote_that_cannot_be_used_is_found_and_the_rest_is_proven(audited: Audited) -> None:
    (audited.root / ".dvc/config.local").write_text(
        "[core]\n    remote = store\n['remote \"store\"']\n    url = gs://no/client\n"
    )
    report = audited.all()
    (found,) = report.findings
    assert (found.kind, found.what) == ("object", "the remote")
    assert found.found.startswith("DVC's remote 'store' cannot be used (")
    assert report.checked["object"] == 17


def test_what_was_purged_by_record_is_told_as_such(audited: Audited) -> None:
    gone = [audited.object("data/prompts/train.parquet", store) for store in ("cache", "remote")]
    md5 = gone[0].parent.name + gone[0].name
    purged = {"kind": "purged", "hashes": [md5], "reason": "asked for"}
    tag_entry(audited, "purge/1", purged)
    (found,) = audited.all(with_checkout=False).findings
    assert found.found == f"object {md5} in the cache and the remote 'store'"
    for file in gone:
        file.unlink()
    (left,) = audited.all().findings
    assert (left.what, left.found) == ("data/prompts/train.parquet", "in the checkout still")
    (audited.root / "data/prompts/train.parquet").unlink()
    report = audited.all()
    assert report.passed
    (note,) = report.notes
    assert note.found == "purged by record"
    assert "purge/1" in note.expected
    assert "asked for" in note.expected


def test_another_tag_below_purge_purges_nothing(audited: Audited) -> None:
    git(audited.root, "tag", "--annotate", "purge/7", "--message", "no JSON")
    git(audited.root, "tag", "purge/8")
    assert audited.all().passed


def test_inputs_that_are_lost_are_found(audited: Audited) -> None:
    for store in ("cache", "remote"):
        audited.object("data/raw/README.md", store).unlink()
    assert audited.finding().what == f"run/{RUN}: data/raw/README.md"


def test_an_object_that_two_runs_name_is_hashed_once(audited: Audited) -> None:
    manifest = dict(audited.run.manifest) | {"run_id": "20260102-demo"}
    tag_run(audited.workspace, "20260102-demo", manifest)
    report = audited.all()
    assert report.passed
    assert report.checked["object"] == 34
    flip(audited.object(WEIGHTS))
    assert f"run/{RUN} and 1 more: {WEIGHTS}" == audited.finding().what
