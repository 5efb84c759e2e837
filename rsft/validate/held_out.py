"""Which prompts must not be trained on: those of evaluation and guard sets, by id or question."""

from collections.abc import Iterable, Mapping

from rsft.config import TRAINING
from rsft.prompts.splits import question
from rsft.types import Prompt


def held_out_ids(splits: Mapping[str, Iterable[Prompt]]) -> frozenset[str]:
    """Ids of the prompts of every split for measuring, and of training prompts that read alike.

    Args:
        splits: Prompts by name of their split, those for training read once and not held. Turns are
            compared case and white space aside.
    """
    held_out = [p for split, prompts in splits.items() if split not in TRAINING for p in prompts]
    questions = {question(prompt) for prompt in held_out}
    training = (p for split in TRAINING for p in splits.get(split, ()))
    alike = {p.prompt_id for p in training if question(p) in questions}
    return frozenset({prompt.prompt_id for prompt in held_out} | alike)
