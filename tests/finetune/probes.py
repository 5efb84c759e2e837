"""What one optimiser step of the loop does, seen from outside."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from rsft.config import FinetuneSection
from rsft.finetune import train
from rsft.policy import Policy
from rsft.types import TrainingRow
from tests.policy.families import build

PAIRS = (
    ("ann has 3 pens", "n0 = r0"),
    ("ann buys 4", "n0 + n0 + n0 = r0 ; r0 + n0 = r0"),
    ("ann has 3 pens and buys 4 more and 5 more pens", "n0 + n1 = r0 ;"),
    ("pens", "ann has pens"),
)


def rows_of(pairs: Sequence[tuple[str, str]] = PAIRS) -> list[TrainingRow]:
    """Rows of weight 1, each of a prompt of its own."""
    return [
        TrainingRow(
            prompt_id=f"p{number}",
            prompt=prompt,
            context=(),
            family="test",
            completion=completion,
            weight=1.0,
            round=1,
            draw=0,
            source="test",
            licence="unknown",
        )
        for number, (prompt, completion) in enumerate(pairs)
    ]


def weighted(rows: Sequence[TrainingRow], weights: Sequence[float]) -> list[TrainingRow]:
    """The rows with other weights."""
    return [replace(row, weight=w) for row, w in zip(rows, weights, strict=True)]


def family(name: str) -> Policy:
    """A copy of a family's policy, without dropout, of weights that round off less."""
    policy = without_dropout(copy.deepcopy(build(name)))
    for parameter in policy.model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(0.5)
    return policy


def without_dropout(policy: Policy) -> Policy:
    """The policy, whose network no longer drops anything."""
    for module in policy.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in ("dropout", "attention_dropout", "activation_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    return policy


@dataclass(frozen=True, kw_only=True)
class Step:
    """One optimiser step."""

    loss: float
    gradients: dict[str, Tensor]
    calls: int
    """Forward calls of the model: its micro-batches."""


def take_step(
    monkeypatch: pytest.MonkeyPatch,
    policy: Policy,
    rows: Sequence[TrainingRow],
    *,
    reference: Policy | None = None,
    **settings: object,
) -> Step:
    """One step of a copy of the policy on all rows, its gradients not clipped."""
    policy = replace(policy, model=copy.deepcopy(policy.model))
    gradients: dict[str, Tensor] = {}
    calls: list[int] = []

    def note(optimiser: torch.optim.AdamW, closure: object = None) -> None:
        gradients.update(
            (name, parameter.grad.clone())
            for name, parameter in policy.model.named_parameters()
            if parameter.grad is not None
        )

    policy.model.register_forward_pre_hook(lambda module, inputs: calls.append(1))
    section = FinetuneSection(
        **{"steps": 1, "batch_size": len(rows), "learning_rate": 1.0, "max_grad_norm": 1e9}
        | settings
    )
    with monkeypatch.context() as patched:
        patched.setattr(torch.optim.AdamW, "step", note)
        training = train(policy, rows, section, seed=0, reference=reference)
    return Step(loss=training.loss[0], gradients=gradients, calls=len(calls))


def distance(one: Step, other: Step) -> float:
    """Norm of the difference of two steps' gradients, as a share of the first's."""
    assert one.gradients.keys() == other.gradients.keys()
    square = sum(
        float((one.gradients[n] - g).double().square().sum()) for n, g in other.gradients.items()
    )
    return float(
        (square / sum(float(g.double().square().sum()) for g in one.gradients.values())) ** 0.5
    )
