"""Every way a prompts file can be wrong is one line that names file, line, value and remedy."""

import json
from pathlib import Path

import pytest

from rsft.config import FilesSection
from rsft.errors import PromptsError
from rsft.prompts.files import read_files, read_prompts
from rsft.types import Turn

GOOD = {"id": "a", "prompt": "1 + 1?", "answer": "2"}


USER = {"role": "user", "content": "2 + 2?"}
ASSISTANT = {"role": "assistant", "content": "4"}
SYSTEM = {"role": "system", "content": "Be brief."}


def section(**fields: object) -> FilesSection:
    return FilesSection.model_validate({"train": "train.jsonl", "eval": "eval.jsonl", **fields})


def write(file: Path, *rows: object) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def nested(levels: int) -> str:
    """A row with so many lists within one another, and a text that holds more brackets."""
    lists = "[" * levels + "]" * levels
    return f'{{"id": {levels}, "prompt": "{"[" * 200}", "answer": "2", "mine": {lists}}}'


def test_a_good_file(tmp_path: Path) -> None:
    file = write(tmp_path / "f.jsonl", GOOD, "", {"prompt": " Q? ", "answer": 3, "family": "t"})
    first, second = read_prompts(file, section(licence="MIT"))
    assert (first.prompt_id, first.answers, first.family, first.licence) == (
        "a",
        ("2",),
        "a",
        "MIT",
    )
    assert (second.prompt_id, second.text, second.answers, second.family) == (
        "f-00003",
        "Q?",
        ("3",),
        "t",
    )
    assert (first.source, first.solution) == ("f.jsonl", None)


def test_a_null_is_a_field_that_is_not_there(tmp_path: Path) -> None:
    file = write(tmp_path / "f.jsonl", {**GOOD, "family": None}, {**GOOD, "id": None})
    rows = [(row.prompt_id, row.family) for row in read_prompts(file, section())]
    assert rows == [("a", "a"), ("f-00002", "f-00002")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "f.jsonl: no prompts in it"),
        ([GOOD, "{oops"], "f.jsonl:2: not JSON"),
        ([GOOD, '{"answer": NaN}'], "f.jsonl:2: cannot be read (NaN is no JSON; write null, or"),
        ([GOOD, "[" * 100_000], "f.jsonl:2: cannot be read (maximum recursion depth exceeded"),
        (
            [nested(99), nested(100)],
            "f.jsonl:2: lists or objects are nested over 100 deep; leave them out",
        ),
        (['{"answer": ' + "9" * 5000 + "}"], "f.jsonl:1: cannot be read (Exceeds the limit"),
        ([GOOD, "[1]"], "f.jsonl:2: a JSON list, not an object"),
        ([GOOD, GOOD], "f.jsonl:2: id 'a' is that of line 1 too"),
        ([{**GOOD, "prompt": "  "}], "f.jsonl:1: field 'prompt' is '  '"),
        (
            [{"id": "a", "answer": "2"}],
            "f.jsonl:1: field 'prompt' is missing; there are id, answer",
        ),
        ([{}], "f.jsonl:1: field 'prompt' is missing; the object has none"),
        ([{"id": "a", "prompt": "Q?"}], "f.jsonl:1: field 'answer' is missing"),
        ([{**GOOD, "answer": None}], "f.jsonl:1: field 'answer' is None"),
        ([{**GOOD, "answer": ["2", " "]}], "f.jsonl:1: field 'answer' holds ' '; each must be"),
        ([{**GOOD, "answer": ["2", None]}], "f.jsonl:1: field 'answer' holds None; each must be"),
        ([{**GOOD, "answer": [["2"]]}], "f.jsonl:1: field 'answer' holds ['2']; each must be"),
        ([{**GOOD, "answer": {"a": 1}}], "f.jsonl:1: field 'answer' is {'a': 1}; it must be a"),
        ([GOOD, {**GOOD, "choices": "2"}], "f.jsonl:2: field 'choices' is '2'; it must be a list"),
        ([{**GOOD, "choices": ["2"]}], "f.jsonl:1: field 'choices' is ['2']; it must be a list of"),
        ([{**GOOD, "choices": []}], "f.jsonl:1: field 'choices' is []; it must be a list of two"),
        ([{**GOOD, "choices": ["2", ""]}], "f.jsonl:1: field 'choices' holds ''; each must be a"),
        ([{**GOOD, "answer": True}], "f.jsonl:1: field 'answer' is True"),
        ([{**GOOD, "solution": 5}], "f.jsonl:1: field 'solution' is 5; it must be text"),
        ([{**GOOD, "prompt": None}], "f.jsonl:1: field 'prompt' is None"),
        (
            [{**GOOD, "messages": [USER]}],
            "f.jsonl:1: field 'messages' and field 'prompt' are both there; remove one, or set",
        ),
        (
            ['{"prompt": "a", "answer": "b \\ud83d c"}'],
            "f.jsonl:1: field 'answer' holds '\\ud83d', half a character; remove it",
        ),
    ],
)
def test_a_bad_file(tmp_path: Path, rows: list[object], message: str) -> None:
    with pytest.raises(PromptsError) as caught:
        read_prompts(write(tmp_path / "f.jsonl", *rows), section())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_answers_and_choices(tmp_path: Path) -> None:
    rows = [
        {**GOOD, "answer": [" two", 2, "two"], "choices": ["two ", 3.5, "two"]},
        {**GOOD, "id": "b", "answer": [], "choices": None},
    ]
    several, none = read_prompts(write(tmp_path / "f.jsonl", *rows), section())
    assert (several.answers, several.choices) == (("two", "2"), ("two", "3.5", "two"))
    assert (none.answers, none.choices) == ((), ())
    file = write(tmp_path / "f.jsonl", {**GOOD, "options": ["x", "y"], "choices": "unread"})
    assert read_prompts(file, section(choices_field="options"))[0].choices == ("x", "y")


SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public data sets are not here")
def test_public_files_are_read_as_they_are(tmp_path: Path) -> None:
    """AQuA's choices and Natural Questions' several golds, both as their authors wrote them."""
    fields = {"prompt_field": "question", "answer_field": "correct", "choices_field": "options"}
    prompts = read_prompts(SHARED / "aqua" / "dev.json", section(**fields))
    assert {len(prompt.choices) for prompt in prompts} == {5}
    assert {prompt.answers for prompt in prompts} == {(letter,) for letter in "ABCDE"}
    file = SHARED / "nq_open" / "NQ-open.dev.jsonl"
    prompts = read_prompts(file, section(prompt_field="question"))
    assert prompts[0].answers == ("14 December 1972 UTC", "December 1972")
    assert min(len(prompt.answers) for prompt in prompts) == 1


def test_a_dialogue(tmp_path: Path) -> None:
    rows = [
        {"messages": [SYSTEM, USER, ASSISTANT, {**USER, "content": " 3 + 3? ", "name": None}]},
        {"messages": [USER], "prompt": None},
        {"messages": None, "prompt": "1 + 1?"},
    ]
    file = write(tmp_path / "f.jsonl", *({**row, "answer": "6"} for row in rows))
    long, short, plain = read_prompts(file, section())
    assert long.context == (Turn(**SYSTEM), Turn(**USER), Turn(**ASSISTANT))
    assert (long.text, long.answers) == ("3 + 3?", ("6",))
    assert (short.context, short.text) == ((), "2 + 2?")
    assert (plain.context, plain.text) == ((), "1 + 1?")


def test_messages_in_a_field_of_another_name(tmp_path: Path) -> None:
    file = write(tmp_path / "f.jsonl", {**GOOD, "messages": "unread"})
    assert read_prompts(file, section(messages_field="chat"))[0].text == "1 + 1?"
    file = write(tmp_path / "f.jsonl", {"chat": [SYSTEM, USER], "answer": "4"})
    assert read_prompts(file, section(messages_field="chat"))[0].context == (Turn(**SYSTEM),)


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], " is []; it must be a list of messages, not empty"),
        ("Hi", " is 'Hi'; it must be a list of messages"),
        (["Hi"], ", message 1 is 'Hi'; it must be an object of role and content"),
        ([USER, {"content": "x"}], ", message 2 has role None; it must be one of system, user"),
        (
            [{"role": "tool", "content": "x"}, USER],
            ", message 1 has role 'tool'; it must be one of",
        ),
        ([{"role": ["user"], "content": "x"}], ", message 1 has role ['user']; it must be"),
        ([{"role": "user"}], ", message 1 has content None; it must be a text"),
        ([{**USER, "content": " "}], ", message 1 has content ' '; it must be a text that is not"),
        ([{**USER, "content": [{"type": "text"}]}], ", message 1 has content [{'type': 'text'}]"),
        ([{**ASSISTANT, "tool_calls": [1]}, USER], ", message 1 has 'tool_calls', which no"),
        ([USER, ASSISTANT], " ends in a message of role 'assistant'; the last must be the user's"),
        ([SYSTEM], " ends in a message of role 'system'; the last must be the user's"),
        ([USER, SYSTEM, USER], " has a message of the system's after others; it must be first"),
        ([{**USER, "content": "\ud83d"}], " holds '\\ud83d', half a character; remove it"),
    ],
)
def test_a_bad_dialogue(tmp_path: Path, messages: object, message: str) -> None:
    file = write(tmp_path / "f.jsonl", GOOD, {"messages": messages, "answer": "4"})
    with pytest.raises(PromptsError) as caught:
        read_prompts(file, section())
    assert f"f.jsonl:2: field 'messages'{message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PromptsError, match="No such file"):
        read_prompts(tmp_path / "none.jsonl", section())


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_bytes(b'{"prompt": "\xff"}')
    with pytest.raises(PromptsError, match="not UTF-8 at byte 12"):
        read_prompts(tmp_path / "f.jsonl", section())


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "f.jsonl"
    file.write_text(json.dumps(GOOD), encoding="utf-8-sig")
    assert [prompt.prompt_id for prompt in read_prompts(file, section())] == ["a"]


def test_line_numbers_count_unicode_separators_as_text(tmp_path: Path) -> None:
    file = write(tmp_path / "f.jsonl", '{"prompt": "a\u2028b", "answer": "1"}', "{oops")
    with pytest.raises(PromptsError, match=r"f\.jsonl:2: not JSON"):
        read_prompts(file, section())


def test_the_answer_after_a_marker(tmp_path: Path) -> None:
    file = write(tmp_path / "f.jsonl", {**GOOD, "answer": "one and one #### 2"})
    (prompt,) = read_prompts(file, section(answer_marker="####"))
    assert (prompt.answers, prompt.solution) == (("2",), "one and one #### 2")


def test_a_list_has_no_marker(tmp_path: Path) -> None:
    file = write(tmp_path / "f.jsonl", {**GOOD, "answer": ["#### 2"]})
    with pytest.raises(PromptsError, match=r"f\.jsonl:1: field 'answer' is \['#### 2'\]; it must"):
        read_prompts(file, section(answer_marker="####"))


@pytest.mark.parametrize("answer", ["2", "two ####", "####  "])
def test_no_answer_after_the_marker(tmp_path: Path, answer: str) -> None:
    file = write(tmp_path / "f.jsonl", {**GOOD, "answer": answer})
    with pytest.raises(
        PromptsError, match=r"f\.jsonl:1: field 'answer' has no answer after '####'"
    ):
        read_prompts(file, section(answer_marker="####"))


def test_gsm8k_rows_of_few_calculations(tmp_path: Path) -> None:
    rows = [
        {"question": "3 and 4?", "answer": "<<3+4=7>>7\n#### 7"},
        {"question": "3, 4 and 5?", "answer": "<<3+4=7>> <<7+5=12>>\n#### 12"},
        {"question": "3 and 4?", "answer": "no notes\n#### 7"},
    ]
    fields = {"format": "gsm8k", "prompt_field": "question", "answer_marker": "####"}
    prompts = read_prompts(
        write(tmp_path / "f.jsonl", *rows), section(**fields, max_calculations=1)
    )
    assert [(p.solution, p.answers) for p in prompts] == [("n0 + n1 = r0", ("7",))]


def test_splits_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/raw").mkdir(parents=True)
    write(
        Path("data/raw/train.jsonl"),
        {"id": "t1", "prompt": "a", "answer": "1", "solution": "s"},
        {"id": "t2", "prompt": "b", "answer": "1", "solution": "s"},
    )
    write(Path("data/raw/eval.jsonl"), {"id": "e1", "prompt": "c", "answer": "1"})
    splits = read_files(section(labelled_count=1))
    assert [p.prompt_id for p in splits["labelled"]] == ["t1"]
    assert [(p.prompt_id, p.solution) for p in splits["train"]] == [("t2", None)]
    assert [p.prompt_id for p in splits["eval"]] == ["e1"]
