"""Random numbers of a draw, by address: (seed, round, prompt, draw, step).

They are a function of the address alone, so that the order of prompts, batching, sharding, the
number of draws, and being killed and resumed cannot change them.
"""

from collections.abc import Sequence

import numpy as np

from rsft.randomness import generator


def uniforms(seed: int, round: int, prompt_id: str, draws: Sequence[int], steps: int) -> np.ndarray:  # noqa: A002
    """Uniform numbers for some draws of one prompt.

    A longer cap only appends numbers.

    Args:
        seed: The run's.
        round: The round.
        prompt_id: The prompt.
        draws: Numbers of the draws.
        steps: Numbers per draw.

    Returns:
        (draws, steps) float64 in [0, 1).
    """
    return np.stack(
        [generator("draw", seed, round, prompt_id, draw).random(steps) for draw in draws]
    )
