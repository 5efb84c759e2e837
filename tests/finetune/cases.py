"""A policy of a few thousand weights, and rows for it."""

from collections.abc import Sequence

import torch

from rsft.config import FinetuneSection, RenderingSection, ScratchSection, TrainingSection
from rsft.policy import Policy, build_scratch
from rsft.types import TrainingRow

SECTION = FinetuneSection(steps=60, batch_size=4, learning_rate=0.01, warmup_steps=5)


def training_row(number: int, prompt: str, completion: str, *, weight: float = 1.0) -> TrainingRow:
    return TrainingRow(
        prompt_id=f"p{number}",
        prompt=prompt,
        context=(),
        family="test",
        completion=completion,
        weight=weight,
        round=1,
        draw=0,
        source="ours" if number % 2 else "theirs",
        licence="CC0-1.0",
    )


ROWS = [training_row(0, "add 3 and 4", "n0 + n1 = r0"), training_row(1, "take 3 from 9", "n1 - n0")]
"""Prompts of 5 tokens, their stop token included; completions of 6 and of 4."""
MANY = [
    training_row(
        number,
        " ".join(["add", *["more"] * (number % 4), str(number)]),
        " ".join(["n0", *["+ n1"] * (number % 3)]),
        weight=1 / (1 + number % 2),
    )
    for number in range(10)
]
"""Rows of several lengths and weights."""


def changed(section: FinetuneSection = SECTION, **settings: object) -> FinetuneSection:
    """A section with some of its settings set."""
    return FinetuneSection.model_validate(section.model_dump() | settings)


def tiny_policy(dropout: float = 0.1) -> Policy:
    training = TrainingSection(steps=1, batch_size=1, learning_rate=1e-3)
    section = ScratchSection(
        d_model=16, d_ff=32, layers=1, heads=2, dropout=dropout, vocabulary=64, training=training
    )
    rows = [*ROWS, *MANY]
    return build_scratch(
        section,
        RenderingSection(number_slots=True),
        [row.prompt for row in rows],
        [row.completion for row in rows],
        seed=0,
    )


def weights(policy: Policy) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in policy.model.state_dict().values()]


def equal(a: Sequence[torch.Tensor], b: Sequence[torch.Tensor]) -> bool:
    """Whether weights are the same to the bit."""
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def distance(a: Sequence[torch.Tensor], b: Sequence[torch.Tensor]) -> float:
    """The largest difference of two weights."""
    return max(float((x - y).abs().max()) for x, y in zip(a, b, strict=True))
