"""The splits of a run's prompts, what is left out, and that evaluation stays out of training."""

import re
from collections.abc import Mapping, Sequence

from rsft.config import FORGOTTEN, TRAINING, ExcludeSection, PromptsSection
from rsft.errors import ConfigurationError, PromptsError
from rsft.prompts.embedded import Sizes, make_problems
from rsft.prompts.files import read_files
from rsft.prompts.forgotten import Forgotten, leave_out
from rsft.types import Prompt

_EXCLUDED_BY = {
    "prompt_ids": "prompt_id",
    "families": "family",
    "sources": "source",
    "licences": "licence",
}
"""By list of ``prompts.exclude`` the field of a prompt that it names."""


def load_splits(
    section: PromptsSection, *, seed: int, forgotten: Sequence[Forgotten] = ()
) -> tuple[dict[str, list[Prompt]], dict[str, int]]:
    """Makes or reads the prompts, leaves out what is forgotten or excluded, and checks the rest.

    Returns:
        Prompts by split, and by split how many were left out because they are to be forgotten.

    Raises:
        ConfigurationError: Where an entry of ``prompts.exclude`` excludes nothing.
        PromptsError: Where a file cannot be used, an id stands twice, or an evaluation prompt is
            among the training prompts.
    """
    if section.source == "embedded":
        assert section.embedded is not None
        splits = make_problems(seed=seed, sizes=Sizes(**section.embedded.model_dump()))
    else:
        assert section.files is not None
        splits = read_files(section.files)
    splits, counts = leave_out(exclude_prompts(splits, section.exclude), forgotten)
    check_splits(splits)
    return splits, counts


def exclude_prompts(
    splits: Mapping[str, Sequence[Prompt]], section: ExcludeSection
) -> dict[str, list[Prompt]]:
    """Leaves out the prompts that any entry names, of every split.

    Raises:
        ConfigurationError: Where an entry names none: a slip must not keep what was to go.
    """
    excluded: set[str] = set()
    for field, attribute in _EXCLUDED_BY.items():
        values = set(getattr(section, field))
        named = [
            prompt
            for prompts in splits.values()
            for prompt in prompts
            if getattr(prompt, attribute) in values
        ]
        for value in sorted(values - {getattr(prompt, attribute) for prompt in named}):
            raise ConfigurationError(
                f"prompts.exclude.{field}: no prompt has the {attribute} {value!r}; correct it, or "
                "remove it from the list if its prompts are gone from their source"
            )
        excluded |= {prompt.prompt_id for prompt in named}
    return {
        split: [prompt for prompt in prompts if prompt.prompt_id not in excluded]
        for split, prompts in splits.items()
    }


def require_prompts(splits: Mapping[str, Sequence[Prompt]], sets: Mapping[str, str]) -> None:
    """Refuses splits of which none are left to sample on, or to evaluate a set on.

    Args:
        splits: Prompts by name of their split.
        sets: Split by name of each evaluation set.

    Raises:
        ConfigurationError: Naming what asks for the split, and the splits there are.
    """
    left_out = (
        f"prompts.exclude, `rsft forget` ({FORGOTTEN}) and pool.contamination, which leave some out"
    )
    if not splits.get("train"):
        raise ConfigurationError(
            "no prompts are left to sample on; check prompts.files.limit and labelled_count, which "
            f"takes rows away from them, {left_out}"
        )
    for name, split in sets.items():
        if not splits.get(split):
            others = ", ".join(sorted(n for n, own in splits.items() if own and n not in TRAINING))
            raise ConfigurationError(
                f"evaluate.sets.{name} = {split!r}: there are no prompts of this split; name "
                f"another ({others}), or check {left_out}"
            )


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
