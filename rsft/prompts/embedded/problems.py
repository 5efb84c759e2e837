"""The embedded set: word problems in plain English, made from a seed.

Every problem is drawn from the address (seed, split, index, attempt), so that the size of one
split changes no other. A policy that reads number slots sees a *reading*: the text with its
numbers masked. No reading occurs twice in the set: within a split by drawing again, between
splits that share wordings because a reading's hash says which of them owns it.

    labelled           templates with worked solutions; solutions given
    train              all trained templates; answers only
    dev, eval          all trained templates; dev to choose settings on, eval for the last word
    guard_paraphrases  all trained templates, each in a wording used nowhere else
    guard_templates    templates used nowhere else
"""

from dataclasses import asdict, dataclass
from hashlib import blake2b

from rsft.errors import ConfigurationError
from rsft.prompts.embedded import realise
from rsft.prompts.embedded.stories import ANSWERS_ONLY, UNSEEN, WORKED
from rsft.prompts.embedded.template import Template
from rsft.prompts.slots import format_number
from rsft.randomness import generator
from rsft.types import Prompt

_TRAINED = tuple(sorted((*WORKED, *ANSWERS_ONLY), key=lambda template: template.family))
_OWNERS = ("labelled", "train", "train", "train", "dev", "eval")
_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Problems per split."""

    labelled: int = 300
    """Training prompts with a worked solution."""
    train: int = 2000
    """Training prompts of which only the answer is known."""
    dev: int = 400
    """Held-out prompts on which settings are chosen."""
    eval: int = 400
    """Held-out prompts for the final figures."""
    guard_paraphrases: int = 200
    """Held-out wordings of trained templates."""
    guard_templates: int = 200
    """Templates that nobody trains on."""


def make_problems(*, seed: int, sizes: Sizes) -> dict[str, list[Prompt]]:
    """Makes the splits.

    Args:
        seed: The same seed gives the same prompts.
        sizes: Problems per split.

    Returns:
        Prompts by split, in the order of ``Sizes``; templates take turns within a split.

    Raises:
        ConfigurationError: Where a split is larger than the templates can tell apart.
    """
    return {split: _make_split(seed, split, size) for split, size in asdict(sizes).items()}


def _make_split(seed: int, split: str, size: int) -> list[Prompt]:
    templates = {"labelled": WORKED, "guard_templates": UNSEEN}.get(split, _TRAINED)
    seen: set[str] = set()
    return [
        _make_prompt(seed, split, index, templates[index % len(templates)], seen)
        for index in range(size)
    ]


def _make_prompt(seed: int, split: str, index: int, template: Template, seen: set[str]) -> Prompt:
    wordings = _wordings(split, template)
    for attempt in range(_ATTEMPTS):
        rng = generator("problem", seed, split, index, attempt)
        story = realise.with_words(wordings[rng.integers(len(wordings))], rng)
        reading = realise.with_slots(story)
        if reading not in seen and _owns(split, reading):
            break
    else:
        raise ConfigurationError(
            f"prompts.embedded.{split}: template {template.family!r} has no new problem left after "
            f"{index}; ask for fewer"
        )
    seen.add(reading)
    numbers, answer = realise.draw_quantities(template, story, rng)
    return Prompt(
        prompt_id=f"embedded-{split}-{index:05}",
        text=realise.with_numbers(story, numbers),
        answers=(format_number(answer),),
        solution=realise.one_way(template, story, rng) if split == "labelled" else None,
        family=template.family,
        source="embedded",
        licence="Apache-2.0",
    )


def _wordings(split: str, template: Template) -> tuple[str, ...]:
    if split == "guard_templates":
        return template.wordings
    if split == "guard_paraphrases":
        return template.wordings[-1:]
    return template.wordings[:-1]


def _owns(split: str, reading: str) -> bool:
    if split not in _OWNERS:
        return True
    digest = blake2b(reading.encode(), digest_size=8).digest()
    return _OWNERS[int.from_bytes(digest, "big") % len(_OWNERS)] == split
