"""Each line of a file is new, known or refused, and what was there stays as it was."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rsft.config import load_config
from rsft.errors import ConfigurationError, PromptsError
from rsft.lineage import read_additions
from rsft.prompts.files import read_prompts
from rsft.prompts.forgotten import Forgotten, add_forgotten, question_digests
from rsft.runs.intake import add_prompts, copying
from rsft.runs.intake.copying import UnusableFileError
from tests.runs.intake.conftest import EVAL, TRAIN, settings, with_contamination, write
from tests.workspaces import ROOT

NEW = {"id": "u1", "prompt": "5 + 5?", "answer": "10"}
MASKED = {**NEW, "prompt": "How many apples does farmer number 77 have at home today in total?"}


def train() -> str:
    return Path("data/raw/train.jsonl").read_text(encoding="utf-8")


def test_new_lines_are_added_as_they_were_written_and_known_ones_are_not(place: Path) -> None:
    before = train()
    line = '{"id":"u1",  "prompt":"5 + 5?","answer":"10","mine":[1]}'
    brought = write(place / "in.jsonl", TRAIN[1], line, "", {**NEW, "id": "u2"})
    done = add_prompts(brought, settings())
    assert (done.new, done.known, done.refused, done.total) == (1, 2, 0, 3)
    assert train() == f"{before}{line}\n"
    assert done.fingerprint == hashlib.md5(train().encode()).hexdigest()
    assert done.before == hashlib.md5(before.encode()).hexdigest()
    assert done.sha256 == hashlib.sha256(brought.read_bytes()).hexdigest()
    (entry,) = read_additions()
    assert (entry["new"], entry["source"], entry["fingerprint"]) == (
        1,
        "in.jsonl",
        done.fingerprint,
    )
    left = sorted(file.name for file in Path("data").iterdir())
    assert left == ["additions.jsonl", "forgotten.jsonl", "raw"]


def test_a_file_that_is_added_twice_changes_nothing_the_second_time(place: Path) -> None:
    rows = [NEW, {"prompt": "6 + 6?", "answer": "12"}]
    add_prompts(write(place / "in.jsonl", *rows), settings())
    after = train()
    again = add_prompts(place / "in.jsonl", settings())
    assert (again.new, again.known, again.refused) == (0, 2, 0)
    assert again.fingerprint == again.before
    assert train() == after
    assert len(read_additions()) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{oops", "not JSON (Expecting property name"),
        ({"id": "u1", "answer": "2"}, "field 'prompt' is missing"),
        ({**TRAIN[0], "answer": "3"}, "id 't1' is taken by data/raw/train.jsonl:1, which asks"),
        ({**NEW, "id": "e1"}, "id 'e1' is taken by prompt 'e1' of data/raw/eval.jsonl"),
        ({**TRAIN[0], "id": "u1", "answer": "3"}, "it asks what data/raw/train.jsonl:1 asks, with"),
        ({**EVAL[0], "id": "u1"}, "it is prompt 'e1' of data/raw/eval.jsonl, which is evaluated"),
        (
            {**NEW, "prompt": "Look: " + EVAL[0]["prompt"]},
            "it has 100% of prompt 'e1' of the set 'eval', and pool.contamination.exact is 'drop'",
        ),
    ],
)
def test_a_line_that_cannot_be_taken_in_is_refused_with_its_number(
    place: Path, row: object, reason: str
) -> None:
    done = add_prompts(write(place / "in.jsonl", TRAIN[0], row), settings())
    assert (done.new, done.known, done.refused) == (0, 1, 1)
    assert done.refusals[0].line == 2
    assert done.refusals[0].reason.startswith(reason)


@pytest.mark.parametrize(("action", "taken"), [("report", 1), ("drop", 0), ("stop", 0)])
def test_what_is_near_evaluation_is_told_or_refused_as_the_settings_say(
    place: Path, action: str, taken: int
) -> None:
    config = with_contamination(numbers_masked=action)
    done = add_prompts(write(place / "in.jsonl", MASKED), config)
    assert (done.new, done.near, done.refused) == (taken, taken, 1 - taken)


def test_what_is_to_be_forgotten_does_not_come_back(place: Path) -> None:
    (digest,) = question_digests(NEW["prompt"], ())
    add_forgotten(Forgotten(kind="prompt", hash=digest, at="2026-11-27T00:00:00+00:00"))
    done = add_prompts(write(place / "in.jsonl", NEW), settings())
    assert (done.new, done.refusals[0].reason) == (0, "it is to be forgotten (`rsft forget`)")


def test_prompts_without_an_id_are_numbered_by_their_line_in_the_training_file(
    place: Path,
) -> None:
    config = settings()
    rows = [{**NEW, "id": None}, {**NEW, "id": "train-00005", "prompt": "8?"}, {"prompt": "9?"}]
    rows[2]["answer"] = "9"
    done = add_prompts(write(place / "in.jsonl", *rows), config)
    assert (done.new, done.refused) == (2, 1)
    assert done.refusals[0].reason.startswith("it has no id, and 'train-00005', by its line, is")
    assert config.prompts.files is not None
    prompts = read_prompts(Path("data/raw/train.jsonl"), config.prompts.files)
    assert [prompt.prompt_id for prompt in prompts] == ["t1", "t2", "train-00003", "train-00005"]


def test_a_last_line_without_an_end_is_ended_first(place: Path) -> None:
    Path("data/raw/train.jsonl").write_text(json.dumps(TRAIN[0]))
    add_prompts(write(place / "in.jsonl", NEW), settings())
    assert train().splitlines() == [json.dumps(TRAIN[0]), json.dumps(NEW)]


def test_a_link_to_the_cache_is_replaced_and_not_written_through(place: Path) -> None:
    cached = place / "object"
    Path("data/raw/train.jsonl").rename(cached)
    Path("data/raw/train.jsonl").symlink_to(cached)
    before = cached.read_bytes()
    assert add_prompts(write(place / "in.jsonl", NEW), settings()).new == 1
    assert cached.read_bytes() == before
    assert not Path("data/raw/train.jsonl").is_symlink()


def make_folder(file: Path) -> None:
    file.mkdir()


def make_pipe(file: Path) -> None:
    os.mkfifo(file)


def make_link(file: Path) -> None:
    file.symlink_to(write(file.with_name("else.jsonl"), NEW))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: None, "cannot be read (No such file or directory)"),
        (lambda file: file.touch(), "no prompts in it"),
        (lambda file: file.write_text("\n \n"), "no prompts in it"),
        (lambda file: file.write_bytes(b'{"a": "\xff"}'), "not UTF-8 at byte 7"),
        (lambda file: file.write_bytes(b"a" * (1 << 20) + b"\xc3"), "not UTF-8 at byte 1048576"),
        (make_folder, "a folder; name a file"),
        (make_pipe, "no plain file; name a file"),
        (make_link, "a symbolic link; put the file itself there"),
    ],
)
def test_a_file_that_is_no_file_of_prompts_adds_nothing(
    place: Path, make: Callable[[Path], None], message: str
) -> None:
    before = train()
    make(place / "in.jsonl")
    with pytest.raises(UnusableFileError, match=r"in\.jsonl: ") as caught:
        add_prompts(place / "in.jsonl", settings(), follow=False)
    assert message in str(caught.value)
    assert train() == before
    assert sorted(file.name for file in Path("data").iterdir()) == ["forgotten.jsonl", "raw"]


def test_the_user_may_name_a_link(place: Path) -> None:
    make_link(place / "in.jsonl")
    assert add_prompts(place / "in.jsonl", settings()).new == 1


def test_a_file_that_is_replaced_while_it_is_read_is_taken_in_as_it_was(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = write(place / "in.jsonl", NEW)
    was = hashlib.sha256(brought.read_bytes()).hexdigest()
    fstat = os.fstat

    def replaced(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        write(place / "other", {**NEW, "id": "u9", "prompt": "9?"}).replace(brought)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(copying.os, "fstat", replaced)
        done = add_prompts(brought, settings())
    assert done.sha256 == was
    assert json.dumps(NEW) in train()
    assert "u9" not in train()


def test_a_file_that_is_written_on_while_it_is_read_is_left_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = write(place / "in.jsonl", NEW)
    fstat = os.fstat

    def written_on(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        with brought.open("a") as file:
            file.write('{"id": "cut')
        return found

    before = train()
    with monkeypatch.context() as patch:
        patch.setattr(copying.os, "fstat", written_on)
        with pytest.raises(PromptsError, match="written on while it was read"):
            add_prompts(brought, settings())
    assert train() == before


def test_a_line_beyond_all_measure_is_refused_and_the_next_is_read(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_LONGEST_LINE", 100)
    long = {**NEW, "prompt": "x" * 250}
    done = add_prompts(write(place / "in.jsonl", long, NEW), settings())
    assert (done.new, done.refused) == (1, 1)
    assert (done.refusals[0].line, done.refusals[0].reason) == (1, "the line is too long; cut it")


def test_what_a_killed_addition_left_is_no_input_and_does_not_matter(place: Path) -> None:
    for name in (".incoming.tmp", ".train.tmp"):
        write(place / "data" / name, "{torn")
    Path("data/additions.jsonl").write_text('{"at": "20')
    add_prompts(write(place / "in.jsonl", NEW), settings())
    assert [entry["new"] for entry in read_additions()] == [1]
    assert "torn" not in train()


def test_the_disk_that_is_full_adds_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = train()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PromptsError, match="No space left on device"):
        add_prompts(write(place / "in.jsonl", NEW), settings())
    assert train() == before
    assert not Path("data/.train.tmp").exists()


def test_a_file_that_only_its_pointer_tells_of_is_not_begun_anew(place: Path) -> None:
    Path("data/raw/train.jsonl").rename("data/raw/train.jsonl.dvc")
    with pytest.raises(PromptsError, match=r"`dvc pull data/raw/train.jsonl.dvc` brings it"):
        add_prompts(write(place / "in.jsonl", NEW), settings())


def test_the_first_prompts_of_all_begin_the_file(place: Path) -> None:
    Path("data/raw/train.jsonl").unlink()
    done = add_prompts(write(place / "in.jsonl", NEW), settings())
    assert (done.new, done.before, done.total) == (1, "", 1)


def test_prompts_that_would_never_be_read_are_not_added(place: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"prompts.files.limit = 10 reads no more rows"):
        add_prompts(write(place / "in.jsonl", NEW), settings(limit=10))


def test_nothing_is_added_to_prompts_that_are_made_from_the_seed(place: Path) -> None:
    config = load_config(ROOT / "params.yaml")
    with pytest.raises(ConfigurationError, match=r"prompts.source is 'embedded', whose prompts"):
        add_prompts(write(place / "in.jsonl", NEW), config)
