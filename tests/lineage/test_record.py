"""What became of models, as tags: written once, read by git and GTO, whoever tampers with them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rsft.errors import LineageError, WorkspaceError
from rsft.lineage import (
    Entry,
    RunRecord,
    Workspace,
    before_champion,
    contending,
    in_service,
    missing_entries,
    read_record,
    read_runs,
    record_promotion,
    record_registration,
    record_rollback,
    record_verdict,
)
from rsft.lineage.git import run_git
from tests.lineage.cases import make_runs
from tests.workspaces import ROOT, git

VERDICT = {"is_promoted": False, "reason": "not shown\nto be “better”", "against": None, "look": 1}


KILLED = """
import os, signal, subprocess
from pathlib import Path
from rsft.lineage.tagging import annotate

talk = subprocess.Popen.communicate

def killed_once_git_has_begun(process, *arguments, **options):
    if "tag" in process.args:
        os.kill(os.getpid(), signal.SIGKILL)
    return talk(process, *arguments, **options)

subprocess.Popen.communicate = killed_once_git_has_begun
annotate(Path(), "verdict/rsft/v1/1", "HEAD", "Judge it\\n\\n{}\\n")
"""


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        folder = tmp_path_factory.mktemp("template")
        workspace, runs = make_runs(folder, "one", "two", "three")
        for version, run in enumerate(runs, start=1):
            register(workspace, run, version)
    return folder


@pytest.fixture
def book(template: Path, tmp_path: Path) -> "Book":
    """A workspace with three registered versions."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return Book(tmp_path)


class Book:
    """Writes the record with little ado."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = Workspace(root=folder, home=folder)
        self.runs = {run.run_id: run for run in read_runs(self.workspace)}

    def run_of(self, version: int) -> RunRecord:
        return self.runs[("one", "two", "three")[version - 1]]

    def promote(self, version: int, against: int | None, **more: Any) -> Entry:
        details = {"reason": "better", "against": against, "approved_by": None} | more
        run = self.run_of(version)
        return record_promotion(
            self.workspace, name="rsft", version=version, run=run, details=details
        )

    def roll_back(self, version: int, against: int) -> Entry:
        details = {"reason": "bad", "against": against}
        run = self.run_of(version)
        return record_rollback(
            self.workspace, name="rsft", version=version, run=run, details=details
        )

    def judge(self, version: int, **more: Any) -> Entry:
        return record_verdict(
            self.workspace,
            name="rsft",
            version=version,
            run=self.run_of(version),
            details=VERDICT | more,
        )

    def serving(self) -> int | None:
        entry = in_service(read_record(self.workspace), "rsft")
        return None if entry is None else entry.version

    def before(self) -> int | None:
        return before_champion(read_record(self.workspace), "rsft")

    def contender(self) -> int | None:
        entry = contending(read_record(self.workspace), "rsft")
        return None if entry is None else entry.version


def register(workspace: Workspace, run: RunRecord, version: int, model: str = "") -> Entry:
    return record_registration(
        workspace, name="rsft", version=version, run=run, model_hash=model or f"m{version}.dir"
    )


def test_a_registration_says_who_when_and_what(book: Book) -> None:
    entry = read_record(book.workspace)[0]
    assert (entry.kind, entry.name, entry.version, entry.number) == ("registered", "rsft", 1, 1)
    assert entry.tag == "rsft@v1.0.0"
    assert entry.commit == book.run_of(1).commit
    assert entry.by == "ann <ann@example.org>"
    assert entry.at[:2] == "20"
    assert entry.details == {"run_id": "one", "model_hash": "m1.dir", "package_md5": None}
    assert git(book.folder, "cat-file", "-t", entry.tag) == "tag"


def test_writing_again_what_is_written_changes_nothing(book: Book) -> None:
    first = [
        register(book.workspace, book.run_of(1), 1),
        book.promote(1, None),
        book.judge(1),
        book.promote(2, 1),
        book.roll_back(1, 2),
    ]
    tags = git(book.folder, "show-ref", "--tags")
    assert book.judge(1) == first[2]
    assert book.roll_back(1, 2) == first[4]
    assert book.promote(1, None) == first[4]
    assert register(book.workspace, book.run_of(2), 1, "m1.dir") == first[0]
    assert git(book.folder, "show-ref", "--tags") == tags


def test_a_version_that_is_another_model_is_refused(book: Book) -> None:
    with pytest.raises(LineageError, match=r"rsft version 1 is on record as the model m1\.dir of"):
        register(book.workspace, book.run_of(2), 1, "m2.dir")


def test_verdicts_are_kept_one_by_one_whatever_they_say(book: Book) -> None:
    book.judge(2)
    entry = book.judge(2, look=2)
    assert (entry.tag, entry.number, entry.kind) == ("verdict/rsft/v2/2", 2, "judged")
    assert entry.details == VERDICT | {"look": 2, "run_id": "two"}
    assert book.judge(1).number == 1


def test_the_first_champion_then_the_next_and_back_twice(book: Book) -> None:
    assert (book.serving(), book.before(), book.contender()) == (None, None, 3)
    book.promote(1, None)
    assert (book.serving(), book.before()) == (1, None)
    book.promote(2, 1)
    assert (book.serving(), book.before(), book.contender()) == (2, 1, 3)
    assert book.promote(3, 2).tag == "rsft#champion#3"
    assert (book.serving(), book.before(), book.contender()) == (3, 2, None)
    book.roll_back(2, 3)
    assert (book.serving(), book.before(), book.contender()) == (2, 1, None)
    book.roll_back(1, 2)
    assert (book.serving(), book.before()) == (1, None)


def test_a_promotion_after_a_rollback_goes_back_to_what_served_then(book: Book) -> None:
    book.promote(1, None)
    book.promote(2, 1)
    book.roll_back(1, 2)
    book.promote(3, 1)
    assert book.before() == 1


def test_the_champion_under_another_number_goes_back_to_what_served_before_it(book: Book) -> None:
    """Versions 2 and 3 are one model, registered again since MLflow lost its version."""
    git(book.folder, "tag", "--delete", "rsft@v3.0.0")
    register(book.workspace, book.run_of(3), 3, "m2.dir")
    book.promote(2, None)
    book.promote(3, 2)
    assert (book.serving(), book.before()) == (3, None)
    book.promote(1, 3)
    assert book.before() == 3
    book.promote(2, 1)
    book.promote(3, 2)
    assert (book.serving(), book.before()) == (3, 1)


def test_a_deleted_rollback_is_told_by_what_came_after(book: Book) -> None:
    book.promote(1, None)
    book.promote(2, 1)
    book.roll_back(1, 2)
    book.promote(3, 1)
    git(book.folder, "tag", "--delete", "rsft#champion#3")
    assert book.before() == 1
    book.roll_back(1, 3)
    assert (book.serving(), book.before()) == (1, None)


def test_a_time_is_spelt_alike_whichever_git_tells_it(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [entry.at for entry in read_record(book.workspace)]
    monkeypatch.setattr(
        "rsft.lineage.record.run_git", lambda *asked: run_git(*asked).replace("+00:00", "Z")
    )
    assert [entry.at for entry in read_record(book.workspace)] == before


def test_a_deleted_change_is_missed_and_the_way_back_stays(book: Book) -> None:
    book.promote(1, None)
    book.promote(2, 1)
    book.promote(3, 2)
    for tag in ("rsft#champion#2", "rsft@v2.0.0"):
        git(book.folder, "tag", "--delete", tag)
    book.judge(1)
    book.judge(1, look=2)
    git(book.folder, "tag", "--delete", "verdict/rsft/v1/1")
    record = read_record(book.workspace)
    assert missing_entries(record, "rsft") == ["rsft#champion#2", "verdict/rsft/v1/1"]
    assert missing_entries(record, "other") == []
    assert (book.serving(), book.before()) == (3, 2)


def test_a_comparison_with_what_serves_no_more_promotes_nothing(book: Book) -> None:
    book.promote(1, None)
    with pytest.raises(LineageError, match="with no champion, but in service is version 1 by now"):
        book.promote(2, None)
    assert book.serving() == 1


def test_what_is_not_registered_is_not_promoted(book: Book) -> None:
    git(book.folder, "tag", "--delete", "rsft@v2.0.0")
    with pytest.raises(LineageError, match="rsft version 2 is not on record here"):
        book.promote(2, None)


def test_entries_of_one_second_are_told_in_the_order_of_events(book: Book) -> None:
    book.judge(1, is_promoted=True)
    book.promote(1, None)
    book.judge(2)
    record = read_record(book.workspace)
    assert [e.kind for e in record[3:]] == ["judged", "promoted", "judged"]
    assert len({e.at for e in record}) == 6
    now = datetime.now(UTC)
    assert datetime.fromisoformat(record[-1].at) - now < timedelta(seconds=10)


def test_an_entry_of_a_clock_far_ahead_does_not_date_the_next(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = git(book.folder, "for-each-ref", "--format=%(contents)", "refs/tags/rsft@v3.0.0")
    git(book.folder, "tag", "--delete", "rsft@v3.0.0")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2090-01-01T00:00:00+00:00")
    git(book.folder, "tag", "-a", "rsft@v3.0.0", "-m", message, book.run_of(3).commit)
    assert book.promote(1, None).at < "2090"
    assert book.promote(2, 1).at < "2090"
    assert book.serving() == 2


def test_another_model_has_a_record_of_its_own(book: Book) -> None:
    book.promote(1, None)
    entry = record_registration(
        book.workspace, name="other", version=1, run=book.run_of(1), model_hash="m1.dir"
    )
    assert read_record(book.workspace, "other") == [entry]
    assert in_service(read_record(book.workspace), "other") is None


def test_gto_reads_the_same(book: Book) -> None:
    from gto import api

    book.promote(1, None)
    book.judge(2)
    book.promote(2, 1)
    book.roll_back(1, 2)
    repository = str(book.folder)
    events = api.history(repository, artifact="rsft", ascending=True)
    assert [(e["event"], e["version"]) for e in events] == [
        *(("registration", f"v{version}.0.0") for version in (1, 2, 3)),
        *(("assignment", f"v{version}.0.0") for version in (1, 2, 1)),
    ]
    assert api.show(repository)["rsft"]["stage"] == {"champion": "v1.0.0"}


TAMPERED = {
    "not JSON": "Promote\n\nhello",
    "a list": "Promote\n\n[]",
    "a foreign kind": 'Promote\n\n{"kind": "judged", "version": 2}',
    "an unhashable kind": 'Promote\n\n{"kind": [], "version": 2}',
    "without a reason": 'Promote\n\n{"kind": "promoted", "version": 2, "run_id": "two"}',
    "a text for what it was compared with": (
        'Promote\n\n{"kind": "promoted", "version": 2, "run_id": "two", "reason": "", '
        '"against": "1"}'
    ),
    "a text for a version": 'Promote\n\n{"kind": "promoted", "version": "2", "run_id": "two"}',
    "nothing": "Promote",
    "lists without end": f"Promote\n\n{'[' * 100_000}",
}


@pytest.mark.parametrize("message", TAMPERED.values(), ids=TAMPERED)
def test_tags_of_others_in_the_same_form_are_no_entries(book: Book, message: str) -> None:
    told = ("rsft#champion#4", book.run_of(2).commit)
    run_git(book.folder, "tag", "-a", "--file=-", *told, given=message)
    assert book.serving() is None
    assert book.promote(1, None).tag == "rsft#champion#5"


def test_a_registration_under_another_number_is_none(book: Book) -> None:
    message = git(book.folder, "for-each-ref", "--format=%(contents)", "refs/tags/rsft@v1.0.0")
    git(book.folder, "tag", "-a", "rsft@v7.0.0", "-m", message, "main")
    assert [entry.version for entry in read_record(book.workspace)] == [1, 2, 3]


def test_a_tag_in_the_way_is_told(book: Book) -> None:
    git(book.folder, "tag", "rsft@v4.0.0", "main")
    with pytest.raises(WorkspaceError, match=r"tag 'rsft@v4\.0\.0' already exists"):
        register(book.workspace, book.run_of(1), 4)


def test_text_in_no_encoding_breaks_nothing(book: Book) -> None:
    head = f"object {book.run_of(1).commit}\ntype commit\ntag rsft@v9.0.0\n"
    tag = f"{head}tagger \xff\x1e <a> 1 +0000\n\n\xff"
    made = subprocess.run(
        ["git", "hash-object", "-t", "tag", "-w", "--stdin", "--literally"],
        cwd=book.folder,
        input=tag.encode("latin-1"),
        capture_output=True,
        check=True,
    )
    git(book.folder, "update-ref", "refs/tags/rsft@v9.0.0", made.stdout.decode().strip())
    assert len(read_record(book.workspace)) == 3


def test_hostile_text_goes_in_and_out_unchanged(book: Book) -> None:
    reason = 'a"b\n# no comment\n\n-----BEGIN SSH SIGNATURE-----\n\x00\x1b[31m\u202e'
    assert book.judge(1, reason=reason).details["reason"] == reason


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="signing needs ssh-keygen")
def test_entries_are_signed_where_git_signs(book: Book) -> None:
    key = book.folder / ".rsft" / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    for name, value in (("gpg.format", "ssh"), ("user.signingkey", key), ("tag.gpgSign", "true")):
        git(book.folder, "config", name, str(value))
    entry = book.promote(1, None)
    assert "BEGIN SSH SIGNATURE" in git(book.folder, "cat-file", "tag", entry.tag)
    assert entry.details["reason"] == "better"
    assert book.serving() == 1


def test_who_is_at_work_may_be_unknown(book: Book) -> None:
    git(book.folder, "config", "--unset", "user.name")
    git(book.folder, "config", "--unset", "user.email")
    git(book.folder, "config", "user.useConfigOnly", "true")
    assert book.promote(1, None).by == "rsft <rsft@localhost>"


def test_the_message_is_readable_in_git(book: Book) -> None:
    entry = book.promote(1, None)
    title, _, body = git(book.folder, "tag", "-l", "--format=%(contents)", entry.tag).split("\n", 2)
    assert title == "Promote rsft version 1"
    assert json.loads(body)["reason"] == "better"


def test_a_tag_has_its_whole_message_though_whoever_writes_it_is_killed(template: Path) -> None:
    """git goes on; it must not take what it was not given any more for the end."""
    place = template.parent / "killed"
    shutil.copytree(template, place)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=place, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while not (tag := git(place, "tag", "--list", "verdict/*", "--format=%(contents)")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert tag.split() == ["Judge", "it", "{}"]
