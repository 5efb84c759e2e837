import pytest

from rsft.errors import PromptsError
from rsft.prompts.splits import check_splits
from rsft.types import Prompt, Turn


def prompt(prompt_id: str, text: str, *before: Turn) -> Prompt:
    return Prompt(
        prompt_id=prompt_id,
        text=text,
        context=before,
        answers=("1",),
        solution=None,
        family="f",
        source="s",
        licence="unknown",
    )


def test_splits_that_share_nothing() -> None:
    check_splits({"train": [prompt("a", "x")], "eval": [prompt("b", "y")]})


@pytest.mark.parametrize("split", ["labelled", "train"])
@pytest.mark.parametrize("measured", ["eval", "guard"])
def test_an_evaluation_prompt_among_the_training_prompts(split: str, measured: str) -> None:
    splits = {split: [prompt("a", "How  many?")], measured: [prompt("b", "how many? ")]}
    with pytest.raises(PromptsError, match=f"{measured} prompt 'b' is training prompt 'a' again"):
        check_splits(splits)


def test_an_evaluation_dialogue_among_the_training_dialogues() -> None:
    ann, bob = Turn(role="user", content="Ann has  2."), Turn(role="user", content="Bob has 3.")
    says = Turn(role="assistant", content="Ann has 2.")
    seen = prompt("a", "How many?", ann)
    others = [
        prompt("b", "How many?"),
        prompt("c", "How many?", bob),
        prompt("d", "How many?", says),
        prompt("e", "How many?", ann, says),
    ]
    check_splits({"train": [seen], "eval": others})
    twin = prompt("f", "how many? ", Turn(role="user", content="ann has 2."))
    with pytest.raises(PromptsError, match="eval prompt 'f' is training prompt 'a' again"):
        check_splits({"train": [seen], "eval": [*others, twin]})


def test_an_id_in_two_splits() -> None:
    with pytest.raises(PromptsError, match="id 'a' stands in 'train' and in 'eval'"):
        check_splits({"train": [prompt("a", "x")], "eval": [prompt("a", "y")]})
