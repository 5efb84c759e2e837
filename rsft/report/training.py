"""How a round's training went, in one line."""

from collections.abc import Mapping
from typing import Any

_REASONS = {
    "long_prompt": "with too long a prompt",
    "long_completion": "with too long a completion",
    "no_room": "longer than the policy reads",
    "special": "whose text spells a special token",
    "weightless": "of no weight",
}


def training_line(figures: Mapping[str, Any], warmup_steps: int = 0) -> str:
    """Losses, steps, and the rows that could not be learnt from.

    Args:
        figures: ``training`` of a round in ``run.json``.
        warmup_steps: Those of the settings.
    """
    best = figures["best_step"]
    kept = "" if best is None else f", weights of step {best:,}"
    told = [
        f"{count:,} {_REASONS.get(reason, reason)}"
        for reason, count in figures["left_out"].items()
        if count
    ]
    left_out = f"\n  rows not learnt from: {', '.join(told)}" if told else ""
    steps = figures["steps"]
    cold = f"\n  the rate was warming up to the last: finetune.warmup_steps is {warmup_steps:,}"
    return (
        f"  loss {figures['first_loss']:.2f} → {figures['last_loss']:.2f} in {steps:,} "
        f"steps{kept}; padding {figures['padding_share']:.0%}{left_out}"
        f"{cold if steps <= warmup_steps else ''}"
    )
