"""What a training run has been through, and what is told of it in the end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rsft.finetune.early_stopping import best_step
from rsft.finetune.examples import Examples


@dataclass(slots=True, kw_only=True)
class History:
    """A run up to some step; part of each checkpoint."""

    loss: list[float] = field(default_factory=list)
    """Of each step taken."""
    heldout_loss: list[tuple[int, float]] = field(default_factory=list)
    """Steps taken, and the loss on the held-out rows after them."""
    target_tokens: int = 0
    """Completion tokens learnt, the stop tokens included, over all steps."""
    row_tokens: int = 0
    """Prompt and completion tokens of the rows of all steps."""
    computed_tokens: int = 0
    """The same with padding."""

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a training run went."""

    loss: tuple[float, ...]
    """Of each step, in nats per completion or per token, as ``mean`` has it."""
    heldout_loss: tuple[tuple[int, float], ...]
    """Steps taken, and the loss on the held-out rows after them; empty without early stopping."""
    best_step: int | None
    """Steps after which the weights are kept; null where they are those of the last step, without
    early stopping."""
    rows: int
    """Rows that were learnt from."""
    left_out: Mapping[str, int]
    """Rows that were not, by reason."""
    sources: Mapping[str, int]
    """Rows that were learnt from, by source."""
    licences: Mapping[str, int]
    """The same by licence."""
    target_tokens: int
    """Completion tokens learnt, the stop tokens included, over all steps."""
    padding_share: float
    """Share of the tokens computed that were padding."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def told(history: History, examples: Examples) -> Training:
    """The record of a finished run."""
    rows = [example.row for example in examples.kept]
    return Training(
        loss=tuple(history.loss),
        heldout_loss=tuple(history.heldout_loss),
        best_step=best_step(history.heldout_loss),
        rows=len(rows),
        left_out=examples.left_out,
        sources=_counts([row.source for row in rows]),
        licences=_counts([row.licence for row in rows]),
        target_tokens=history.target_tokens,
        padding_share=1 - history.row_tokens / history.computed_tokens,
    )


def _counts(names: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
