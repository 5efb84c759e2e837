from rsft.types import Prompt, Turn
from rsft.validate import held_out_ids


def prompt(prompt_id: str, text: str, *before: Turn) -> Prompt:
    return Prompt(
        prompt_id=prompt_id,
        text=text,
        context=before,
        answers=("3",),
        solution=None,
        family="f",
        source="s",
        licence="MIT",
    )


def test_measuring_splits_and_training_prompts_that_read_alike() -> None:
    splits = {
        "labelled": [prompt("l1", "Two and two?")],
        "train": [prompt("t1", "ONE  and\ntwo? "), prompt("t2", "One and three?")],
        "eval": [prompt("e1", "One and two?")],
        "guard": [prompt("g1", "two and two?")],
    }
    assert held_out_ids(splits) == {"e1", "g1", "t1", "l1"}


def test_equal_words_after_other_turns_are_another_question() -> None:
    ann, bob = Turn(role="user", content="Ann has 2."), Turn(role="user", content="Bob has 3.")
    splits = {
        "train": [prompt("t1", "How many?", ann), prompt("t2", "How many?", bob)],
        "eval": [prompt("e1", "How many?", bob)],
    }
    assert held_out_ids(splits) == {"e1", "t2"}


def test_without_labelled_rows() -> None:
    assert held_out_ids({"train": [prompt("t", "A?")], "eval": [prompt("e", "B?")]}) == {"e"}
