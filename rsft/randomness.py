"""Random numbers by address: what they are for, then the seed and whatever names the thing.

A number is a function of its address alone, so that order, batching, sharding and resuming cannot
change it, and no two purposes share a stream.
"""

from hashlib import blake2b

import numpy as np


def generator(purpose: str, *address: int | str) -> np.random.Generator:
    """The generator of an address.

    Args:
        purpose: What the numbers are for, such as ``coin``.
        address: The seed, and what names the thing: round, prompt, draw, step.

    Returns:
        A counter-based Philox generator, keyed by a hash of the address.

    Source:
        Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
    """
    digest = blake2b(repr((purpose, *address)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
