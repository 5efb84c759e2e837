"""The splits of a run's prompts, and the check that evaluation stays out of training."""

import re
from collections.abc import Mapping, Sequence

from rsft.config import TRAINING, PromptsSection
from rsft.errors import PromptsError
from rsft.prompts.embedded import Sizes, make_problems
from rsft.prompts.files import read_files
from rsft.types import Prompt


def load_splits(section: PromptsSection, *, seed: int) -> dict[str, list[Prompt]]:
    """Makes or reads the prompts, and checks them.

    Raises:
        PromptsError: Where a file cannot be used, an id stands twice, or an evaluation prompt is
            among the training prompts.
    """
    if section.source == "embedded":
        assert section.embedded is not None
        splits = make_problems(seed=seed, sizes=Sizes(**section.embedded.model_dump()))
    else:
        assert section.files is not None
        splits = read_files(section.files)
    check_splits(splits)
    return splits


def check_splits(splits: Mapping[str, Sequence[Prompt]]) -> None:
    """Refuses an id in two splits, and an evaluation prompt among the training prompts.

    Prompts are compared as ``question`` has them.

    Raises:
        PromptsError: Naming both prompts.
    """
    owner: dict[str, str] = {}
    for split, prompts in splits.items():
        for prompt in prompts:
            if prompt.prompt_id in owner:
                raise PromptsError(
                    f"id {prompt.prompt_id!r} stands in {owner[prompt.prompt_id]!r} and in "
                    f"{split!r}; ids must be unique over all prompts"
                )
            owner[prompt.prompt_id] = split
    trained = {question(p): p for split in TRAINING for p in splits.get(split, ())}
    for split, prompts in splits.items():
        if split in TRAINING:
            continue
        for prompt in prompts:
            twin = trained.get(question(prompt))
            if twin is not None:
                raise PromptsError(
                    f"{split} prompt {prompt.prompt_id!r} is training prompt {twin.prompt_id!r} "
                    f"again ({prompt.text[:60]!r}); remove it from one of the two"
                )


def question(prompt: Prompt) -> tuple[str, ...]:
    """What a prompt asks, for comparison: its turns in lower case, white space folded.

    Equal words after other turns are another question.
    """
    before = [f"{turn.role}: {turn.content}" for turn in prompt.context]
    return tuple(re.sub(r"\s+", " ", text).strip().casefold() for text in (*before, prompt.text))
