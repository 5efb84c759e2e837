"""When training ends early: the loss on held-out rows has not fallen for a while.

What is decided is a function of the losses measured so far, so that a resumed run and every process
of several decide alike.
"""

from collections.abc import Sequence

Measured = Sequence[tuple[int, float]]
"""Steps taken, and the loss after them, in the order of steps."""


def best_step(measured: Measured) -> int | None:
    """Steps after which the loss was least, the first such; null where nothing was measured."""
    return min(measured, key=lambda one: one[1])[0] if measured else None


def is_over(measured: Measured, patience: int) -> bool:
    """Whether the last ``patience`` measurements in a row brought no new least loss."""
    best = best_step(measured)
    return best is not None and sum(step > best for step, _ in measured) >= patience
