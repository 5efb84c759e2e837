"""Synthetic accepted rows, for benchmarks of what comes after a decision.

    from benchmarks.acceptance_data import accepted_table

Rows as the stage ``filter`` would write them into ``accepted/`` under the rule ``coin``: they meet
every expectation of the suite, so that the whole suite is evaluated. Texts are equations of some
100 characters, each made unique by its numbers; tokens are random.
"""

import numpy as np
import pyarrow as pa

from rsft.ledger import schema_of
from rsft.types import Decided

ROWS_PER_PROMPT = 16
TOKENS = 20
VOCABULARY = 32_000


def accepted_table(rows: int, seed: int) -> pa.Table:
    """Makes accepted rows, up to 16 of each prompt, in the order of prompts and draws.

    Args:
        rows: How many.
        seed: Of their numbers.

    Returns:
        A table of ``Decided``.
    """
    draws = np.random.default_rng(seed)
    number_N = np.arange(rows)
    length_N = draws.integers(TOKENS // 2, TOKENS * 3 // 2, rows, dtype=np.int32, endpoint=True)
    ends = np.concatenate([np.zeros(1, np.int32), np.cumsum(length_N, dtype=np.int32)])
    tokens = draws.integers(2, VOCABULARY, ends[-1], dtype=np.int32)
    proposal_N = -draws.gamma(4.0, 2.0, rows) - 0.01
    log_bound_N = -proposal_N + draws.exponential(1.0, rows)
    log_accept_ratio_N = -proposal_N - log_bound_N
    accept_prob_N = np.exp(log_accept_ratio_N)
    columns = {
        "prompt_id": _prompt_ids(number_N),
        "round": np.ones(rows, np.int64),
        "draw": number_N % ROWS_PER_PROMPT,
        "policy_version": _constant("0f1e2d3c4b5a69788796a5b4c3d2e1f0", rows),
        "text": _texts(draws, number_N),
        "token_ids": pa.ListArray.from_arrays(pa.array(ends), pa.array(tokens)),
        "token_count": length_N.astype(np.int64),
        "finish_reason": _constant("stop", rows),
        "proposal_logprob": proposal_N,
        "policy_logprob": proposal_N,
        "reward": np.ones(rows),
        "reward_breakdown": pa.MapArray.from_arrays(
            pa.array(np.arange(rows + 1, dtype=np.int32)),
            _constant("numeric_answer", rows),
            pa.array(np.ones(rows)),
        ),
        "score_status": _constant("ok", rows),
        "score_note": pa.nulls(rows, pa.string()),
        "outcome": pa.array(draws.integers(0, 1000, rows)).cast(pa.string()),
        "reference_logprob": pa.nulls(rows, pa.float64()),
        "is_canonical": np.ones(rows, bool),
        "log_target": np.zeros(rows),
        "log_bound": log_bound_N,
        "log_accept_ratio": log_accept_ratio_N,
        "accept_prob": accept_prob_N,
        "coin": accept_prob_N * draws.random(rows),
        "is_accepted": np.ones(rows, bool),
        "reason": _constant("accepted", rows),
        "weight": np.ones(rows),
    }
    return pa.table(columns, schema=schema_of(Decided))


def _prompt_ids(number_N: np.ndarray) -> pa.Array:
    return pa.array([f"train-{number // ROWS_PER_PROMPT}" for number in number_N.tolist()])


def _texts(draws: np.random.Generator, number_N: np.ndarray) -> pa.Array:
    a_N, b_N = draws.integers(1, 1000, (2, len(number_N))).tolist()
    return pa.array(
        [
            f"{a} + {b} = {a + b} ; {a + b} * {number} = {(a + b) * number} ; so that the pens "
            f"that ann has are {a} and {b} #### {number}"
            for a, b, number in zip(a_N, b_N, number_N.tolist(), strict=True)
        ]
    )


def _constant(value: str, rows: int) -> pa.Array:
    return pa.repeat(value, rows)
