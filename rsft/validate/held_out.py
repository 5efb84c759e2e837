"""Which prompts must not be trained on: those of evaluation and guard sets, by id and by text."""

from collections.abc import Mapping, Sequence

from rsft.config import TRAINING
from rsft.prompts.splits import normalise
from rsft.types import Prompt


def held_out_ids(splits: Mapping[str, Sequence[Prompt]]) -> frozenset[str]:
    """Ids of the prompts of every split for measuring, and of training prompts that read alike.

    Args:
        splits: Prompts by name of their split. Texts are compared case and white space aside.
    """
    held_out = [p for split, prompts in splits.items() if split not in TRAINING for p in prompts]
    texts = {normalise(prompt.text) for prompt in held_out}
    training = [p for split in TRAINING for p in splits.get(split, ())]
    alike = {p.prompt_id for p in training if normalise(p.text) in texts}
    return frozenset({prompt.prompt_id for prompt in held_out} | alike)
