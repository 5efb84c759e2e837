"""Synthetic candidates and accepted rows, for benchmarks of deciding and of what comes after.

Accepted rows are as the stage ``filter`` would write them under the rule ``coin``: they meet every
expectation of the suite, so that the whole suite is evaluated. Texts are equations of some 100
characters; tokens are random.
"""

import numpy as np
import pyarrow as pa

from rsft.filter import Candidates
from rsft.ledger import schema_of
from rsft.score.reward import Asked
from rsft.types import Completion, Decided, Prompt, Scored

ROWS_PER_PROMPT = 16
TOKENS = 20
VOCABULARY = 32_000


def candidates(rows: int, seed: int) -> Candidates:
    """Scored candidates as columns: half of them right, a tenth cut, four texts a prompt."""
    draws = np.random.default_rng(seed)
    prompts = -(-rows // ROWS_PER_PROMPT)
    prompt_N = np.repeat(np.arange(prompts, dtype=np.int32), ROWS_PER_PROMPT)[:rows]
    text_key_N = prompt_N.astype(np.uint64) * np.uint64(4) + draws.integers(0, 4, rows, np.uint64)
    return Candidates(
        prompt_ids=[f"train-{number:07}" for number in range(prompts)],
        prompt_N=prompt_N,
        draw_N=np.arange(rows, dtype=np.int32) % ROWS_PER_PROMPT,
        reward_N=(draws.random(rows) < 0.5).astype(float),
        is_finished_N=draws.random(rows) < 0.9,
        proposal_logprob_N=-draws.gamma(4.0, 2.0, rows),
        reference_logprob_N=None,
        density_N=None,
        tokens_N=draws.integers(1, 40, rows).astype(np.float32),
        is_respelt_N=np.zeros(rows, bool),
        text_key_N=text_key_N,
        text_N=None,
        success_rate_P=None,
    )


def scored_table(rows: int, *, first: int, seed: int) -> pa.Table:
    """A part of the candidates before their decisions, half of them right.

    Args:
        rows: How many, a multiple of 16.
        first: How many lie in the parts before it.
        seed: Of its numbers.
    """
    table = accepted_table(rows, seed)
    ids = _prompt_ids(np.arange(first, first + rows))
    right_N = (np.random.default_rng(seed).random(rows) < 0.5).astype(float)
    columns = {name: table[name] for name in schema_of(Scored).names}
    return pa.table(columns | {"prompt_id": ids, "reward": right_N}, schema=schema_of(Scored))


def worked_solutions(rows: int, seed: int) -> list[Asked]:
    """Prompts with 16 solutions each of some 300 characters, half of them right, in four forms."""
    draws = np.random.default_rng(seed)
    forms = ("#### {0}", "A: {0}", "The answer is \\boxed{{{0}}}.", "So she has {0} of them left.")
    asked: list[Asked] = []
    for number in range(rows // ROWS_PER_PROMPT):
        gold = int(draws.integers(1, 100_000))
        completions = []
        for draw in range(ROWS_PER_PROMPT):
            a, b = draws.integers(1, 1000, 2).tolist()
            step = f"First there are {a} + {b} = <<{a}+{b}={a + b}>>{a + b} of them in the box. "
            said = forms[draw % 4].format(f"{gold + draw // 4 % 2:,}")
            completions.append(Completion(text=f"{step * 4}\n{said}"))
        prompt = Prompt(
            prompt_id=str(number),
            text="How many are left?",
            answers=(str(gold),),
            solution=None,
            family="f",
            source="s",
            licence="unknown",
        )
        asked.append((prompt, completions))
    return asked


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
