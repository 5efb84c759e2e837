"""Sums that neither the order of what is added changes nor how it is sliced: exact ones.

A float is a whole number times a power of two. The whole numbers are summed by their power, in two
halves that stay exact as floats, and the sums of the powers as Python's integers. Only the quotient
that is asked for is rounded, once. Squares are rounded one by one before they are added, in the
range of exponents that they need, which is twice a float's.
"""

import numpy as np

_UNIT = 2252
"""Sums are held in units of 2^-2252, of which the square of the smallest float is a multiple."""
_DIGITS = 53
_HALF = 27
_TOGETHER = 1 << 25
"""Values added at a time: so many halves of 27 bits stay below 2^53."""


class ExactMean:
    """The mean of the values that are known."""

    def __init__(self) -> None:
        self._sum = self._count = 0

    def add(self, value_N: np.ndarray) -> None:
        """Adds values, NaN where one is not known."""
        known_N = value_N[~np.isnan(value_N)]
        self._sum += _sum(*np.frexp(known_N.astype(float)))
        self._count += len(known_N)

    @property
    def value(self) -> float | None:
        """The mean; null where none is known."""
        return self._sum / (self._count << _UNIT) if self._count else None


class SampleSize:
    """The effective sample size (Σw)²/Σw²: how many equal weights are worth as much."""

    def __init__(self) -> None:
        self._sum = self._sum_of_squares = 0

    def add(self, weight_N: np.ndarray) -> None:
        """Adds weights, none below 0."""
        mantissa_N, exponent_N = np.frexp(weight_N)
        self._sum += _sum(mantissa_N, exponent_N)
        square_N, more_N = np.frexp(mantissa_N**2)
        self._sum_of_squares += _sum(square_N, 2 * exponent_N + more_N)

    @property
    def value(self) -> float:
        """The size; 0 for no weight."""
        if not self._sum:
            return 0.0
        return self._sum**2 / (self._sum_of_squares << _UNIT)


def _sum(mantissa_N: np.ndarray, exponent_N: np.ndarray) -> int:
    """Σ mantissa · 2^exponent in units of 2^-2252, from finite floats as ``frexp`` splits them."""
    total = 0
    for start in range(0, len(mantissa_N), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        whole_N = (mantissa_N[part] * 2.0**_DIGITS).astype(np.int64)
        place_N = exponent_N[part] + (_UNIT - _DIGITS)
        high_E = np.bincount(place_N, whole_N >> _HALF)
        low_E = np.bincount(place_N, whole_N & ((1 << _HALF) - 1))
        for place in np.flatnonzero(np.bincount(place_N)).tolist():
            total += ((int(high_E[place]) << _HALF) + int(low_E[place])) << place
    return total
