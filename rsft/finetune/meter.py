"""How training goes, told as it goes."""

import time

from rsft.finetune.history import History
from rsft.types import Progress


class Meter:
    """Tells steps, loss, rate of this process since it began, gradient and learning rate."""

    def __init__(self, progress: Progress | None, steps: int, history: History) -> None:
        self._progress = progress
        self._steps = steps
        self._tokens_before = history.target_tokens
        self._started = time.perf_counter()

    def tell(self, history: History, norm: float, rate: float) -> None:
        """Tells of the step that was just taken."""
        if self._progress is None:
            return
        tokens = history.target_tokens - self._tokens_before
        per_second = tokens / (time.perf_counter() - self._started)
        note = (
            f"loss {history.loss[-1]:.3f}, {per_second:,.0f} tokens/s, "
            f"gradient {norm:.3g}, rate {rate:.3g}"
        )
        self._progress(history.steps, self._steps, note)
