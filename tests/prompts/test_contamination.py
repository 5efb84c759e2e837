"""What is found in training texts, worked out by hand; planted leaks; GSM8K's own splits."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft.config import ContaminationSection
from rsft.errors import PromptsError
from rsft.prompts import contamination
from rsft.prompts.contamination import EvaluationText
from rsft.prompts.leaks import count_leaking, leaks_in_prompts, leaks_in_rows, refuse_leaks
from rsft.types import Prompt, Turn
from tests.shared_data import shared_rows

QUESTION = "A baker sells 12 loaves in the morning and 30 after noon. How many loaves in all?"
"""17 words, ten 8-grams."""
SOLUTION = "The baker sold twelve and then thirty loaves over the whole of that day, which is 42."


def prompt(
    prompt_id: str,
    text: str,
    *before: Turn,
    answers: Sequence[str] = (),
    solution: str | None = None,
) -> Prompt:
    return Prompt(
        prompt_id=prompt_id,
        text=text,
        context=before,
        answers=tuple(answers),
        solution=solution,
        family="f",
        source="s",
        licence="unknown",
    )


EVAL = [prompt("e0", QUESTION, answers=["42"], solution=SOLUTION)]


def rows(*completions: str) -> pa.Table:
    """Rows of the prompts t0, t1, …, drawn as number 7, 8, … of round 3."""
    numbers = range(len(completions))
    return pa.table(
        {
            "prompt_id": [f"t{n}" for n in numbers],
            "round": [3 for _ in numbers],
            "draw": [7 + n for n in numbers],
            "completion": pa.array(completions, pa.string()),
        }
    )


def in_prompts(
    *texts: str | Prompt, sets: dict[str, list[Prompt]] | None = None, **section: object
) -> list[tuple]:
    """Training prompt, kind, set, evaluation prompt and share of what was found."""
    held = [
        prompt(f"t{n}", text) if isinstance(text, str) else text for n, text in enumerate(texts)
    ]
    evaluation = EvaluationText(sets or {"eval": EVAL}, ContaminationSection(**section))
    return short(leaks_in_prompts(evaluation, held).table)


def in_rows(*texts: str, sets: dict[str, list[Prompt]] | None = None, **section: object) -> list:
    evaluation = EvaluationText(sets or {"eval": EVAL}, ContaminationSection(**section))
    return short(leaks_in_rows(evaluation, rows(*texts)).table)


def short(leaks: pa.Table) -> list[tuple]:
    names = ["prompt_id", "kind", "evaluation_set", "evaluation_prompt_id", "share"]
    return [tuple(leak[name] for name in names) for leak in leaks.to_pylist()]


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        QUESTION.upper(),
        QUESTION.replace(" ", "\n\u200f "),
        QUESTION.replace(".", ";").replace("?", " …"),
        f"Solve: {QUESTION} Think step by step.",
    ],
)
def test_an_exact_copy_in_a_prompt(text: str) -> None:
    found = in_prompts("Ann has 2 pens.", text)
    assert [leak for leak in found if leak[1] in ("exact", "ngram")] == [
        ("t1", "exact", "eval", "e0", 1.0),
        ("t1", "ngram", "eval", "e0", 1.0),
    ]


def test_a_copy_with_other_numbers() -> None:
    other = QUESTION.replace("12", "1,250").replace("30", "2.5")
    assert in_prompts(other, ngram_share=0.9) == [("t0", "numbers_masked", "eval", "e0", 1.0)]
    assert in_rows(other, ngram_share=0.9) == []


def test_a_paraphrase_that_keeps_most_ngrams() -> None:
    near = QUESTION.replace("How many loaves in all?", "How many in all?")  # 8-grams 1 to 7 stay
    assert in_prompts(near) == [("t0", "ngram", "eval", "e0", 0.7)]
    assert in_rows(f"Well: {near}") == [("t0", "ngram", "eval", "e0", 0.7)]
    assert in_rows(near, ngram_share=0.71) == []


def test_a_copy_within_a_completion_is_found_to_the_row() -> None:
    completion = f"7. Next question: {QUESTION.lower()} 42"
    evaluation = EvaluationText({"dev": [], "eval": EVAL}, ContaminationSection())
    found = leaks_in_rows(evaluation, rows("n0 + n1 = r0", completion, "7"))
    assert found.is_clean_N.tolist() == [True, False, True]
    assert found.table.to_pylist()[0] == {
        "prompt_id": "t1",
        "round": 3,
        "draw": 8,
        "kind": "exact",
        "evaluation_set": "eval",
        "evaluation_prompt_id": "e0",
        "share": 1.0,
        "action": "drop",
    }


def test_equal_completions_are_each_found() -> None:
    found = in_rows(QUESTION, "7", QUESTION)
    assert [(leak[0], leak[1]) for leak in found] == [
        ("t0", "exact"), ("t0", "ngram"), ("t2", "exact"), ("t2", "ngram")
    ]  # fmt: skip


def test_texts_are_numbered_over_all_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contamination, "_SLICE", 2)
    texts = ["a", "b", QUESTION, "c", f"d {QUESTION}", QUESTION]
    for found in (in_rows(*texts), in_prompts(*texts)):
        assert [leak[0] for leak in found if leak[1] == "exact"] == ["t2", "t4", "t5"]


def test_a_solution_leaks_where_it_is_words() -> None:
    assert in_rows(f"So: {SOLUTION}") == [("t0", "solution", "eval", "e0", 1.0)]
    assert in_prompts(f"For example: {SOLUTION}") == [("t0", "solution", "eval", "e0", 1.0)]
    polite = [replace(EVAL[0], solution="Is there anything else I can help you with today?")]
    assert in_rows(polite[0].solution or "", sets={"eval": polite}) == []
    short_ones = [replace(EVAL[0], solution="n0 + n1 = r0 ; r0 * n2 = r1 ; r1 - 1 = r2")]
    assert in_rows("42", short_ones[0].solution or "", sets={"eval": short_ones}) == []


def test_a_short_question_is_a_leak_as_a_whole_prompt_only() -> None:
    sets = {"eval": [prompt("e0", "Who is he?"), prompt("e1", "Where was he born in 1950?")]}
    assert in_prompts("who is he", "Ask who is he?", sets=sets) == [
        ("t0", "exact", "eval", "e0", 1.0),
        ("t0", "numbers_masked", "eval", "e0", 1.0),
    ]
    assert in_rows("who is he", sets=sets) == []
    assert in_rows("Tell me: where was he born in 1950", sets=sets) == [
        ("t0", "ngram", "eval", "e1", 1.0)
    ]


def test_of_each_set_the_prompt_that_shares_most_and_the_first_of_several() -> None:
    sets = {
        "eval": [
            prompt("e0", "one two three four five six"),
            *EVAL,
            replace(EVAL[0], prompt_id="e2"),
        ],
        "guard": [
            prompt("g0", f"{QUESTION} And how many rolls?"),
            replace(EVAL[0], prompt_id="g1"),
        ],
    }
    assert in_prompts(QUESTION, sets=sets) == [
        ("t0", "exact", "eval", "e0", 1.0),
        ("t0", "exact", "guard", "g1", 1.0),
        ("t0", "numbers_masked", "eval", "e0", 1.0),
        ("t0", "numbers_masked", "guard", "g1", 1.0),
        ("t0", "ngram", "eval", "e0", 1.0),
        ("t0", "ngram", "guard", "g1", 1.0),
    ]


def test_a_dialogue_is_compared_with_all_its_turns() -> None:
    told = Turn(role="system", content="You are a helpful assistant of a small bakery in Bern.")
    asked = Turn(role="user", content="Do you have any fresh rye bread left for today?")
    said = Turn(role="assistant", content="Yes, we still have four loaves of it.")
    sets = {"eval": [prompt("e0", "Keep two for me.", told, asked, said)]}
    longer = prompt(
        "t0", "Thanks.", told, asked, said, Turn(role="user", content="Keep two for me.")
    )
    kinds = [leak[1] for leak in in_prompts(longer, sets=sets)]
    assert kinds == ["exact", "ngram"]
    assert in_prompts(prompt("t0", "Keep two for me."), sets=sets) == []
    assert in_prompts(prompt("t0", "Keep two for me.", told), sets=sets, ngram_share=0.2) == []


def test_an_instruction_before_every_question_is_not_what_they_share() -> None:
    rule = "Answer the question below in one short sentence and give no reasons at all."
    asked = [" ".join(f"{word}{n}" for word in "abcdefgh") for n in range(12)]
    for context, before in ((), f"{rule} "), ((Turn(role="system", content=rule),), ""):
        sets = {"eval": [prompt(f"e{n}", before + text, *context) for n, text in enumerate(asked)]}
        assert in_prompts(f"{rule} Who was Ada?", f"{rule} a1 b1 and no more", sets=sets) == []
        assert ("t0", "ngram", "eval", "e1", 1.0) in in_prompts(f"{rule} {asked[1]}", sets=sets)


def test_a_question_that_is_nearly_all_instruction_is_found_where_it_stands_whole() -> None:
    """No n-gram of it counts: of each, seven words of eight stand in what all the others have."""
    asked = "Read this review of a film to its end and say in a word whether it is kind: {}."
    films = [prompt(f"e{n}", asked.format(letter * 5)) for n, letter in enumerate("abcdefghijkl")]
    whole, other = f"First {asked.format('DDDDD')} Go on.", asked.format("zzzzz")
    found = in_prompts(whole, other, sets={"eval": films})
    assert found == [("t0", "exact", "eval", "e3", 1)]
    assert [leak[1:] for leak in in_rows(whole, other, sets={"eval": films})] == [
        ("exact", "eval", "e3", 1)
    ]


def test_a_question_is_found_without_what_the_system_said_before_it() -> None:
    told = Turn(role="system", content="You bake.")
    sets = {"eval": [replace(EVAL[0], context=(told,))]}
    kinds = [leak[1] for leak in in_prompts(QUESTION, sets=sets)]
    assert kinds == [leak[1] for leak in in_rows(QUESTION, sets=sets)] == ["exact", "ngram"]
    again = prompt("t0", QUESTION, Turn(role="system", content="You count."))
    assert "numbers_masked" not in [leak[1] for leak in in_prompts(again, sets=sets)]


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    sets = {"eval": [prompt("e0", "小明有12个苹果，又买了5个，现在一共有多少个？")]}
    again = "小明有12个苹果 又买了5个 现在一共有多少个"
    assert [leak[1] for leak in in_prompts(again, sets=sets)] == [
        "exact",
        "numbers_masked",
        "ngram",
    ]
    near = "答：小明有12个苹果，又买了5个，现在一共有17个。"
    assert [leak[1] for leak in in_rows(near, sets=sets)] == ["ngram"]
    assert in_rows("小红有3本书。", sets=sets) == []


@pytest.mark.parametrize(
    "text", ["", "?!", "\u202e\u200f", "🙂", "\0", "a" * 100_000, "1 " * 50_000]
)
def test_hostile_texts_are_found_only_where_they_are_the_same(text: str) -> None:
    assert in_prompts(text) == in_rows(text) == []
    sets = {"eval": [prompt("e0", text, answers=[text], solution=text)]}
    assert in_prompts("", "…", sets=sets) == []
    assert in_prompts("Ann has 2 pens", sets=sets) == in_rows("", "Ann", sets=sets) == []


def test_no_prompts_and_no_sets() -> None:
    assert in_prompts() == in_rows() == []
    assert leaks_in_rows(EvaluationText({}, ContaminationSection()), rows("7")).table.num_rows == 0


def test_what_is_dropped_is_what_the_settings_say() -> None:
    near = QUESTION.replace("How many loaves in all?", "How many in all?")
    texts = [QUESTION, near, SOLUTION, "7"]
    for kind, clean in {
        "exact": [False, True, True, True],
        "ngram": [False, False, True, True],
        "solution": [True, True, False, True],
    }.items():
        section = ContaminationSection(**{"exact": "report", kind: "drop"})
        found = leaks_in_rows(EvaluationText({"eval": EVAL}, section), rows(*texts))
        assert found.is_clean_N.tolist() == clean


def test_stop_names_the_row_and_the_evaluation_prompt() -> None:
    evaluation = EvaluationText({"eval": EVAL}, ContaminationSection(exact="stop"))
    refuse_leaks(leaks_in_rows(evaluation, rows("7")).table)
    with pytest.raises(PromptsError) as error:
        refuse_leaks(leaks_in_rows(evaluation, rows("7", QUESTION)).table)
    assert str(error.value) == (
        "pool.contamination.exact is 'stop': the completion of training prompt 't1' (round 3, draw "
        "8) has 100% of prompt 'e0' of the set 'eval'; 1 finding in all. Remove one of the two "
        "(prompts.exclude), or set it to drop"
    )
    with pytest.raises(PromptsError, match="'stop': training prompt 't0' has 100% of prompt 'e0'"):
        refuse_leaks(leaks_in_prompts(evaluation, [prompt("t0", QUESTION)]).table)


def test_rows_are_counted_by_what_they_or_their_prompts_share() -> None:
    evaluation = EvaluationText({"eval": EVAL, "guard": []}, ContaminationSection())
    leaks = pa.concat_tables(
        [
            leaks_in_prompts(evaluation, [prompt("t0", QUESTION), prompt("t9", QUESTION)]).table,
            leaks_in_rows(evaluation, rows("7", QUESTION, SOLUTION)).table,
        ]
    )
    trained = pa.concat_tables([rows("7", "8", "9"), rows("7").set_column(2, "draw", [[99]])])
    assert count_leaking(trained, leaks, ["eval", "guard"]) == {
        "eval": {"exact": 3, "numbers_masked": 2, "ngram": 3, "solution": 1},
        "guard": {"exact": 0, "numbers_masked": 0, "ngram": 0, "solution": 0},
    }


WORDS = st.lists(st.from_regex(r"[a-z]{1,6}|[0-9]{1,3}", fullmatch=True), min_size=8, max_size=30)
MARKS = st.sampled_from([" ", "\n", ", ", ". ", "  ", "; ", "! ", "\u200f "])


@settings(max_examples=50, deadline=None)
@given(WORDS, MARKS, st.booleans(), WORDS, WORDS)
def test_a_planted_copy_is_always_found(
    question: list[str], mark: str, is_loud: bool, before: list[str], after: list[str]
) -> None:
    planted = mark.join(question)
    text = f"{' '.join(before)} {planted.upper() if is_loud else planted} {' '.join(after)}"
    held = {"eval": [prompt("e0", " ".join(question))]}
    evaluation = EvaluationText(held, ContaminationSection())
    asked = [prompt("t0", "7"), prompt("t1", text)]
    for found in (leaks_in_rows(evaluation, rows("7", text)), leaks_in_prompts(evaluation, asked)):
        assert ("t1", "exact", "eval", "e0", 1.0) in short(found.table)


def test_gsm8k_splits_share_two_near_questions_and_what_is_planted() -> None:
    def read(split: str) -> list[Prompt]:
        found = enumerate(shared_rows(f"gsm8k/{split}.jsonl"))
        return [prompt(f"{split}-{n}", r["question"], solution=r["answer"]) for n, r in found]

    train, test = read("train"), read("test")
    evaluation = EvaluationText({"eval": test}, ContaminationSection())
    found = [leak[:4] for leak in short(leaks_in_prompts(evaluation, train).table)]
    assert found == [
        ("train-20", "ngram", "eval", "test-632"),
        ("train-1314", "ngram", "eval", "test-602"),
        ("train-5162", "ngram", "eval", "test-602"),
    ]
    completions = [one.solution or "" for one in train]
    assert len(leaks_in_rows(evaluation, rows(*completions)).table) == 0
    completions[3000] += f"\n\nQ: {test[100].text.upper()}"
    completions[4000] = test[200].solution or ""
    planted = short(leaks_in_rows(evaluation, rows(*completions)).table)
    assert planted == [
        ("t3000", "exact", "eval", "test-100", 1.0),
        ("t3000", "ngram", "eval", "test-100", 1.0),
        ("t4000", "solution", "eval", "test-200", 1.0),
    ]
