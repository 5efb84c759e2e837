"""What is forgotten is known by its question, and by its id where the source gave it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from rsft.errors import PromptsError
from rsft.prompts.forgotten import (
    Forgetting,
    Forgotten,
    add_forgotten,
    digest,
    is_named_by_source,
    leave_out,
    question_digests,
    read_forgotten,
)
from rsft.types import Prompt, Turn

ASKED = Prompt(
    prompt_id="u-7",
    text="Where does Ann Lee live?",
    answers=(),
    solution=None,
    family="people",
    source="people.jsonl",
    licence="MIT",
)
USER, MODEL, SYSTEM = (
    Turn(role=role, content=content)
    for role, content in (("user", ASKED.text), ("assistant", "Why?"), ("system", "Be brief."))
)


def entry(prompt: Prompt = ASKED, *, by_id: bool = False) -> Forgotten:
    return Forgotten(
        kind="prompt",
        hash=question_digests(prompt.text, prompt.context)[-1],
        id=digest("id", prompt.prompt_id),
        by_id=by_id,
        at="2026-01-01",
    )


def test_a_digest_is_sha256_of_kind_and_text() -> None:
    assert digest("source", "ü") == hashlib.sha256("source\0ü".encode()).hexdigest()
    assert digest("source", "a") != digest("family", "a")


@pytest.mark.parametrize(
    ("other", "is_it"),
    [
        (replace(ASKED, prompt_id="other", source="else.csv"), True),
        (replace(ASKED, prompt_id="x", text="WHERE does Ann  Lee live ?!"), True),
        (replace(ASKED, prompt_id="x", context=(SYSTEM,)), True),
        (replace(ASKED, prompt_id="x", text="I ask you", context=(USER, MODEL)), True),
        (replace(ASKED, text="Where does Ann Li live?"), False),
        (replace(ASKED, context=(Turn(role="user", content="Hi"), MODEL)), False),
    ],
)
def test_a_prompt_is_known_by_its_question(other: Prompt, is_it: bool) -> None:
    assert Forgetting([entry()]).names(other) is is_it


def test_by_its_id_too_where_that_is_asked() -> None:
    edited = replace(ASKED, text="Where does A. Lee live now?")
    assert not Forgetting([entry()]).names(edited)
    assert Forgetting([entry(by_id=True)]).names(edited)


def test_texts_without_a_word_are_not_all_one() -> None:
    assert question_digests("???", ()) != question_digests("!", ())


@pytest.mark.parametrize(
    ("prompt_id", "source", "is_own"),
    [
        ("u-7", "people.jsonl", True),
        ("people-00007", "people.jsonl", False),
        ("people-00007", "others.jsonl", True),
        ("people-a", "people.jsonl", True),
        ("embedded-train-00007", "embedded", False),
    ],
)
def test_which_ids_are_the_sources_own(prompt_id: str, source: str, is_own: bool) -> None:
    assert is_named_by_source(replace(ASKED, prompt_id=prompt_id, source=source)) is is_own


@pytest.mark.parametrize("kind", ["source", "family", "licence"])
def test_all_prompts_of_a_source_family_or_licence(kind: str) -> None:
    one = Forgotten(kind=kind, hash=digest(kind, getattr(ASKED, kind)), at="2026-01-01")
    spared = replace(ASKED, **{kind: "another"})
    left, counts = leave_out({"train": [ASKED, spared], "eval": [ASKED]}, [one])
    assert left == {"train": [spared], "eval": []}
    assert counts == {"train": 1, "eval": 1}


def test_the_list_keeps_each_thing_once_and_not_its_text(tmp_path: Path) -> None:
    file = tmp_path / "forgotten.jsonl"
    file.touch()
    assert add_forgotten(entry(), file)
    assert not add_forgotten(entry(), file)
    assert add_forgotten(entry(by_id=True), file)
    assert read_forgotten(file) == [entry(), entry(by_id=True)]
    assert "Ann" not in file.read_text()
    assert "u-7" not in file.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{}\n", r"forgotten\.jsonl:2: no entry .*Field required"),
        ('{"kind": "model", "hash": "0", "at": ""}', ":1: no entry .*'prompt', 'source'"),
        ('{"kind": "source", "hash": "Ann", "at": ""}', ":1: no entry .*pattern"),
        ("<<<<<<< HEAD", ":1: no entry of what is to be forgotten .*; restore it with git"),
        ("[]", ":1: no entry"),
    ],
)
def test_a_line_that_is_no_entry_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "forgotten.jsonl"
    file.write_text(text)
    with pytest.raises(PromptsError, match=message):
        read_forgotten(file)


def test_a_list_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "forgotten.jsonl"
    file.write_bytes(b"\xff")
    with pytest.raises(PromptsError, match="not UTF-8 at byte 0"):
        read_forgotten(file)
