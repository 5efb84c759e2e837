"""Training prompts that are sampled and scored, but never trained on.

Rounds and training are stopped by them, so that the evaluation sets have no say in it.
"""

from collections.abc import Iterable

from rsft.randomness import generator


def heldout_ids(prompt_ids: Iterable[str], share: float, seed: int) -> frozenset[str]:
    """Those of some training prompts that are held out.

    Args:
        prompt_ids: Ids of the prompts of the split ``train``.
        share: The probability of each, ``pool.heldout_share``.
        seed: The run's: with its id it decides each prompt, whatever the others are.
    """
    return frozenset(
        prompt_id
        for prompt_id in prompt_ids
        if generator("heldout", seed, prompt_id).random() < share
    )
