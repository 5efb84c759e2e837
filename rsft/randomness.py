"""Random numbers by address: what they are for, then the seed and whatever names the thing.

A number is a function of its address alone, so that order, batching, sharding and resuming cannot
change it, and no two purposes share a stream. ``generator`` gives as many numbers as one likes at
one address; ``uniforms`` one number at each of very many addresses.
"""

from hashlib import blake2b

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ over the golden ratio, made odd: the step of SplitMix64's counter."""


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
    return np.random.Generator(np.random.Philox(key=_digest(16, purpose, *address)))


def address_key(purpose: str, *address: int | str) -> int:
    """The 64 bits that stand for an address in ``uniforms``."""
    return _digest(8, purpose, *address)


def uniforms(key_N: np.ndarray, counter_N: np.ndarray) -> np.ndarray:
    """One uniform number for each pair of key and counter.

    Args:
        key_N: What ``address_key`` gave, uint64.
        counter_N: A number below 2⁶³ within that address, such as the draw.

    Returns:
        (N,) float64 in [0, 1).

    Source:
        SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014):
        the counter-th number of the generator seeded with the key.
    """
    mixed_N = counter_N.astype(np.uint64)
    mixed_N += np.uint64(1)
    mixed_N *= _GOLDEN
    mixed_N += key_N
    mixed_N ^= mixed_N >> np.uint64(30)
    mixed_N *= np.uint64(0xBF58476D1CE4E5B9)
    mixed_N ^= mixed_N >> np.uint64(27)
    mixed_N *= np.uint64(0x94D049BB133111EB)
    mixed_N ^= mixed_N >> np.uint64(31)
    mixed_N >>= np.uint64(11)
    uniform_N: np.ndarray = mixed_N * 2.0**-53
    return uniform_N


def _digest(size: int, *address: int | str) -> int:
    return int.from_bytes(blake2b(repr(address).encode(), digest_size=size).digest(), "little")
