"""Training rows as tokens, with the weight that each has in the loss."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rsft.config import TrainingSection
from rsft.errors import TrainingError
from rsft.policy import Policy, encode_completions, encode_prompts
from rsft.types import TrainingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row, ready to be learnt."""

    row: TrainingRow
    """The row."""
    prompt_ids: tuple[int, ...]
    """What the policy reads."""
    completion_ids: tuple[int, ...]
    """What it is to write, the stop token last."""
    weight: float
    """Its weight in the loss, greater than 0."""

    @property
    def name(self) -> str:
        """What it is called in messages: prompt, round and draw."""
        return f"{self.row.prompt_id} (round {self.row.round}, draw {self.row.draw})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The rows that can be learnt, and how many were left out."""

    kept: tuple[Example, ...]
    """In the order of the rows."""
    left_out: Mapping[str, int]
    """Rows by reason: ``special`` (the completion's text spells a special token), ``long_prompt``,
    ``long_completion``, ``no_room`` (longer together than the policy reads), ``weightless``."""


def encode_rows(
    policy: Policy,
    rows: Sequence[TrainingRow],
    section: TrainingSection,
    *,
    supervised_share: float | None = None,
) -> Examples:
    """Encodes rows, leaving out those that are too long, weigh nothing, or spell special tokens.

    A completion that spells ``</s>`` or ``<|im_end|>`` would teach to end a turn and go on.

    Args:
        policy: Whose tokens they become.
        rows: The rows.
        section: How long they may be, and how they are weighed.
        supervised_share: Share of the total weight that rows of round 0 have; null for their own.

    Raises:
        TrainingError: Where a weight is negative or not a number, or no row is left.
    """
    _refuse_bad_weights(rows)
    prompts = encode_prompts(policy, [row.prompt for row in rows], [row.context for row in rows])
    completions = encode_completions(policy, [row.completion for row in rows])
    special = special_ids(policy)
    reasons = ("special", "long_prompt", "long_completion", "no_room", "weightless")
    left_out = dict.fromkeys(reasons, 0)
    fitting = []
    for place, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        if not special.isdisjoint(completion[:-1]):
            left_out["special"] += 1
        elif len(prompt) > section.max_prompt_tokens:
            left_out["long_prompt"] += 1
        elif len(completion) > section.max_completion_tokens:
            left_out["long_completion"] += 1
        elif not policy.has_room(len(prompt), len(completion)):
            left_out["no_room"] += 1
        else:
            fitting.append(place)
    weights = row_weights(
        [rows[place] for place in fitting], weigh=section.weigh, supervised_share=supervised_share
    )
    kept = tuple(
        Example(
            row=rows[place],
            prompt_ids=tuple(prompts[place]),
            completion_ids=tuple(completions[place]),
            weight=weight,
        )
        for place, weight in zip(fitting, weights.tolist(), strict=True)
        if weight > 0
    )
    left_out["weightless"] = len(fitting) - len(kept)
    if not kept:
        told = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items() if count)
        raise TrainingError(
            f"of {len(rows):,} rows there is none to train on ({told or 'there are none'}); see "
            "what the filter accepted, max_prompt_tokens and max_completion_tokens"
        )
    return Examples(kept=kept, left_out=left_out)


def special_ids(policy: Policy) -> set[int]:
    """Tokens that stand for no word: no completion's text is to spell one, and none is dropped.

    The unknown token is not among them, as which any word may be read, unless it ends a text too.
    """
    tokenizer = policy.tokenizer
    added = tokenizer.added_tokens_decoder.items()
    special = {*tokenizer.all_special_ids, *(id_ for id_, token in added if token.special)}
    return special - ({tokenizer.unk_token_id} - policy.eos_ids)


def row_weights(
    rows: Sequence[TrainingRow], *, weigh: str, supervised_share: float | None
) -> np.ndarray:
    """The weight of each row in the loss.

    Args:
        rows: The rows, with A as their weight.
        weigh: ``row``: A. ``prompt``: each prompt's rows sum to 1, in proportion to their A.
        supervised_share: Share of the sum that rows of round 0 have; null for their own weights.

    Returns:
        (R,) float64, in units of the largest: the A of long completions may all lie below what a
        float32 can hold.
    """
    weight_R = _relative(np.array([row.weight for row in rows], dtype=np.float64))
    if weigh == "prompt":
        weight_R = _relative(_per_prompt(rows))
    if supervised_share is not None:
        is_labelled_R = np.array([row.round == 0 for row in rows], dtype=bool)
        weight_R = _relative(_shared_out(weight_R, is_labelled_R, supervised_share))
    return weight_R


def _relative(weight_R: np.ndarray) -> np.ndarray:
    largest = float(weight_R.max(initial=0.0))
    return weight_R / largest if largest else weight_R


def _per_prompt(rows: Sequence[TrainingRow]) -> np.ndarray:
    places = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.prompt_id].append(place)
    weight_R = np.zeros(len(rows))
    for own in places.values():
        weight_own = np.array([rows[place].weight for place in own], dtype=np.float64)
        weight_R[own] = weight_own / (weight_own.sum() or 1.0)
    return weight_R


def _shared_out(weight_R: np.ndarray, is_labelled_R: np.ndarray, share: float) -> np.ndarray:
    if not share:
        return np.where(is_labelled_R, 0.0, weight_R)
    if not (weight_R[is_labelled_R].any() and weight_R[~is_labelled_R].any()):
        return weight_R  # nobody to share with
    shared_R = np.zeros(len(weight_R))
    for is_own_R, part in ((is_labelled_R, share), (~is_labelled_R, 1 - share)):
        # In units of their largest first: one over their sum may be more than a float64 holds.
        relative = _relative(weight_R[is_own_R])
        shared_R[is_own_R] = part * relative / relative.sum()
    return shared_R


def _refuse_bad_weights(rows: Sequence[TrainingRow]) -> None:
    for row in rows:
        if not math.isfinite(row.weight) or row.weight < 0:
            raise TrainingError(
                f"the row of prompt {row.prompt_id!r}, round {row.round}, draw {row.draw}, has the "
                f"weight {row.weight}; a weight is a finite number that is not negative"
            )
