"""Which rows of all rounds the pool keeps, and the figures of what it keeps.

Of equal completions of a prompt the first drawn stays; then no prompt has more rows than the cap.
Which of a round's rows a cap leaves is a shuffle with an address of its own: each row's place
follows from the seed and from its round, prompt and draw, so that neither other rows nor their
order nor a later round can change it. For the same reason it does not matter whether the rounds
are pooled one after the other or all at once, but for one thing: a completion that gave way to the
cap, and is drawn again in a later round, is then a row of that round.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsft.config import PoolSection
from rsft.keys import text_keys
from rsft.prompts.leaks import count_leaking
from rsft.randomness import generator
from rsft.types import SourceFigures

KEPT, REPEATED, OVER_CAP = "kept", "repeated", "over_cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundFigures:
    """What the pool has of one round."""

    rows: int
    """Rows kept."""
    prompts: int
    """Prompts that have such a row."""
    repeated: int
    """Rows left out because the pool has the completion of the prompt already."""
    over_cap: int
    """Rows left out for the cap, in this pool; those that gave way in earlier ones are not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """The data set that a round trains on."""

    rows: int
    """Rows, the labelled ones included."""
    prompts: int
    """Prompts that have a row."""
    prompts_without_rows: int
    """Prompts of the split ``train`` that have none."""
    effective_sample_size: float
    """(Σw)²/Σw² of the rows' weights (Kish 1965); 0 where there is no weight."""
    rounds: dict[str, RoundFigures]
    """By round; 0 are the labelled rows."""
    sources: tuple[SourceFigures, ...]
    """Where the rows' prompts came from, by source and licence."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def decide_pool(rows: pa.Table, section: PoolSection, *, seed: int) -> np.ndarray:
    """Decides which rows the pool keeps.

    Args:
        rows: N rows of ``TrainingRow``: those of an earlier pool, and a round's accepted rows.
            Labelled rows, of round 0, always stay, and count towards the cap.
        section: The cap, and whether rounds take turns.
        seed: With round and prompt, the address of a shuffle.

    Returns:
        (N,) ``kept``, ``repeated`` or ``over_cap``.
    """
    prompt_N, ids = _numbered(rows.column("prompt_id"))
    text_key_N = text_keys(rows.column("completion"))
    round_N, draw_N = rows.column("round").to_numpy(), rows.column("draw").to_numpy()
    fate_N = np.full(len(rows), KEPT, dtype=object)
    fate_N[_repeated(prompt_N, text_key_N, round_N, draw_N)] = REPEATED
    if section.max_per_prompt is None:
        return fate_N
    left = np.flatnonzero(fate_N == KEPT)
    rows_of_prompt_P = np.bincount(prompt_N[left], minlength=len(ids))
    crowded = left[rows_of_prompt_P[prompt_N[left]] > section.max_per_prompt]
    prompt_C, round_C = prompt_N[crowded], round_N[crowded]
    shuffled_C = _shuffled(prompt_C, round_C, draw_N[crowded], ids, seed)
    place_C = _places(prompt_C, round_C, shuffled_C, balance=section.balance)
    fate_N[crowded[(place_C >= section.max_per_prompt) & (round_C > 0)]] = OVER_CAP
    return fate_N


def describe_pool(rows: pa.Table, fate_N: np.ndarray, train_ids: pa.ChunkedArray) -> PoolFigures:
    """The figures of what is kept.

    Args:
        rows: N rows of ``TrainingRow``.
        fate_N: What ``decide_pool`` said of them.
        train_ids: Ids of the prompts of the split ``train``.
    """
    kept = rows.filter(pa.array(fate_N == KEPT))
    weight_K = np.sort(kept.column("weight").to_numpy())  # the sum depends on the order
    prompts = set(kept.column("prompt_id").unique().to_pylist())
    round_N, round_K = rows.column("round").to_numpy(), kept.column("round").to_numpy()
    rounds = {
        str(number): RoundFigures(
            rows=int((round_K == number).sum()),
            prompts=len(kept.column("prompt_id").filter(pa.array(round_K == number)).unique()),
            repeated=int((fate_N[round_N == number] == REPEATED).sum()),
            over_cap=int((fate_N[round_N == number] == OVER_CAP).sum()),
        )
        for number in np.unique(round_N).tolist()
    }
    return PoolFigures(
        rows=len(kept),
        prompts=len(prompts),
        prompts_without_rows=len(set(train_ids.to_pylist()) - prompts),
        effective_sample_size=_sample_size(weight_K),
        rounds=rounds,
        sources=describe_sources(kept),
    )


def describe_leaks(
    kept: pa.Table, leaks: pa.Table, sets: Iterable[str], rows_left_out: int
) -> dict[str, Any]:
    """What is trained on although it shares text with evaluation, and what is not for that reason.

    Args:
        kept: Rows of ``TrainingRow``.
        leaks: Rows of ``Leak``, of prompts and of all rounds.
        sets: Names of the evaluation and guard sets.
        rows_left_out: Rows accepted in this round that were dropped.
    """
    before_drawing = pc.fill_null(leaks["round"], 0)
    dropped = leaks.filter(pc.and_(pc.equal(before_drawing, 0), pc.equal(leaks["action"], "drop")))
    return {
        "prompts_left_out": len(dropped["prompt_id"].unique()),
        "rows_left_out": rows_left_out,
        "rows": count_leaking(kept, leaks, sets),
    }


def describe_sources(rows: pa.Table) -> tuple[SourceFigures, ...]:
    """Where rows came from, by source and licence.

    Args:
        rows: Any table with ``source``, ``licence``, ``prompt_id`` and ``family``.
    """
    counts = rows.group_by(["source", "licence"]).aggregate(
        [([], "count_all"), ("prompt_id", "count_distinct"), ("family", "count_distinct")]
    )
    ordered = counts.sort_by([("source", "ascending"), ("licence", "ascending")])
    return tuple(
        SourceFigures(
            source=row["source"],
            licence=row["licence"],
            rows=row["count_all"],
            prompts=row["prompt_id_count_distinct"],
            families=row["family_count_distinct"],
        )
        for row in ordered.to_pylist()
    )


def _sample_size(weight_K: np.ndarray) -> float:
    """(Σw)²/Σw², in units of the largest, whose square may leave the range of a float."""
    if not weight_K.any():
        return 0.0
    relative_K = weight_K / weight_K.max()
    return float(relative_K.sum() ** 2 / (relative_K**2).sum())


def _numbered(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """A number for each distinct value, and the values in the order of their numbers."""
    encoded = column.dictionary_encode().combine_chunks()
    return encoded.indices.to_numpy(), encoded.dictionary


def _repeated(
    prompt_N: np.ndarray, text_key_N: np.ndarray, round_N: np.ndarray, draw_N: np.ndarray
) -> np.ndarray:
    """(N,) whether an earlier draw of the prompt has the same text; a labelled row never does."""
    order = np.lexsort((draw_N, round_N, text_key_N, prompt_N))
    is_first = _starts(prompt_N[order], text_key_N[order])
    is_repeated_N = np.empty(len(order), bool)
    is_repeated_N[order] = ~is_first
    return is_repeated_N & (round_N > 0)


def _shuffled(
    prompt_C: np.ndarray, round_C: np.ndarray, draw_C: np.ndarray, ids: pa.Array, seed: int
) -> np.ndarray:
    """(C,) a random number for each row, the ``draw``-th of its round's and prompt's stream."""
    order = np.lexsort((draw_C, round_C, prompt_C))
    starts = np.flatnonzero(_starts(prompt_C[order], round_C[order]))
    number_C = np.empty(len(order))
    for group in np.split(order, starts[1:]) if len(order) else []:
        prompt_id = ids[int(prompt_C[group[0]])].as_py()
        stream = generator("pool", seed, int(round_C[group[0]]), prompt_id)
        number_C[group] = stream.random(draw_C[group[-1]] + 1)[draw_C[group]]
    return number_C


def _places(
    prompt_C: np.ndarray, round_C: np.ndarray, shuffled_C: np.ndarray, *, balance: bool
) -> np.ndarray:
    """(C,) place of each row among its prompt's, from 0: who comes late gives way.

    Earlier rounds come first. Where rounds take turns, each round's first row comes before any
    round's second, and of rows of one turn those of the last round first; labelled rows come before
    all others.
    """
    by_round = np.lexsort((shuffled_C, round_C, prompt_C))
    if not balance:
        return _place_in_run(by_round, prompt_C[by_round])
    turn_C = _place_in_run(by_round, prompt_C[by_round], round_C[by_round])
    turn_C[round_C == 0] = -1
    by_turn = np.lexsort((-round_C, turn_C, prompt_C))
    return _place_in_run(by_turn, prompt_C[by_turn])


def _place_in_run(order: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """Each row's place, from 0, in its run of equal keys, where rows are taken in an order."""
    is_start = _starts(*keys)
    place = np.arange(len(order))
    place -= np.maximum.accumulate(np.where(is_start, place, 0))
    placed = np.empty_like(place)
    placed[order] = place
    return placed


def _starts(*keys: np.ndarray) -> np.ndarray:
    """Whether a new run of equal keys starts."""
    is_start = np.ones(len(keys[0]), bool)
    if len(is_start):
        is_start[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return is_start
