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


def training_line(figures: Mapping[str, Any]) -> str:
    """Losses, steps, and the rows that could not be learnt from.

    Args:
        figures: ``training`` of a round in ``run.json``.
    """
    best = figures["best_step"]
    kept = "" if best is None else f", weights of step {best:,}"
    told = [
        f"{count:,} {_REASONS.get(reason, reason)}"
        for reason, count in figures["left_out"].items()
        if count
    ]
    left_out = f"\n  rows not learnt from: {', '.join(told)}" if told else ""
    return (
        f"  loss {figures['first_loss']:.2f} → {figures['last_loss']:.2f} in {figures['steps']:,} "
        f"steps{kept}; padding {figures['padding_share']:.0%}{left_out}"
    )
