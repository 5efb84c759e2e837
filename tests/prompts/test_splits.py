import pytest

from rsft.errors import PromptsError
from rsft.prompts.splits import check_splits
from rsft.types import Prompt


def prompt(prompt_id: str, text: str) -> Prompt:
    return Prompt(
        prompt_id=prompt_id,
        text=text,
        answer="1",
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


def test_an_id_in_two_splits() -> None:
    with pytest.raises(PromptsError, match="id 'a' stands in 'train' and in 'eval'"):
        check_splits({"train": [prompt("a", "x")], "eval": [prompt("a", "y")]})
