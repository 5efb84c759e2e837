"""Candidates and settings with every field filled in, for tests to change the one they speak of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from rsft.config import BoundSection, FilterSection
from rsft.filter import (
    Candidates,
    Decisions,
    Diagnostics,
    decide,
    decided_tables,
    diagnose,
    read_candidates,
)
from rsft.ledger import rows_of, table_of
from rsft.types import Decided, Scored


def candidate(draw: int = 0, **values: Any) -> Scored:
    """A finished, right completion of prompt ``p``, its text its own."""
    fields = {
        "prompt_id": "p",
        "round": 1,
        "draw": draw,
        "policy_version": "abc",
        "text": f"text {draw}",
        "token_ids": (4, 5, 1),
        "token_count": 3,
        "finish_reason": "stop",
        "proposal_logprob": -1.0,
        "policy_logprob": -1.5,
        "reward": 1.0,
        "reward_breakdown": {"exact_match": 1.0, "target_model": -1.0},
        "score_status": "ok",
        "score_note": None,
        "outcome": "7",
        "reference_logprob": -1.0,
        "is_canonical": True,
    }
    return Scored(**(fields | values))


def settings(**values: Any) -> FilterSection:
    """Accepts every right completion, unless a test asks for something else."""
    fields = {
        "rule": "coin",
        "target": "indicator",
        "base_measure": "proposal",
        "correct_reward": 1.0,
        "bound": known(0.0),
        "deduplicate": False,
        "max_per_prompt": None,
    }
    return FilterSection(**(fields | values))


def known(log_bound: float) -> BoundSection:
    return BoundSection(method="known", log_bound=log_bound)


def per_prompt_maximum(floor: float) -> BoundSection:
    return BoundSection(method="per_prompt_maximum", log_bound=floor)


def global_quantile(quantile: float) -> BoundSection:
    return BoundSection(method="global_quantile", quantile=quantile)


def pilot(draws: int, floor: float) -> BoundSection:
    return BoundSection(method="pilot", pilot_draws=draws, log_bound=floor)


def budgeted(acceptance_rate: float) -> BoundSection:
    return BoundSection(method="budgeted", acceptance_rate=acceptance_rate)


def columns(scored: Sequence[Scored], section: FilterSection | None = None) -> Candidates:
    return read_candidates([table_of(Scored, scored)], section or settings())


def decisions(
    scored: Sequence[Scored], section: FilterSection, seed: int = 0, round_number: int = 1
) -> tuple[Candidates, Decisions]:
    candidates = columns(scored, section)
    return candidates, decide(candidates, section, seed=seed, round=round_number)


def decided(
    scored: Sequence[Scored], seed: int = 0, round_number: int = 1, parts: int = 1, **values: Any
) -> list[Decided]:
    """The decisions as rows; the candidates may lie in several parts."""
    section = settings(**values)
    tables = [table_of(Scored, scored[k::parts]) for k in range(parts)]
    candidates = read_candidates(tables, section)
    made = decide(candidates, section, seed=seed, round=round_number)
    return [
        row
        for table in decided_tables(tables, candidates, made, section)
        for row in rows_of(table, Decided)
    ]


def reasons(scored: Sequence[Scored], **values: Any) -> list[str]:
    return [row.reason for row in decided(scored, **values)]


def accepted(scored: Sequence[Scored], **values: Any) -> list[int]:
    """The draws that are accepted, sorted."""
    return sorted(row.draw for row in decided(scored, **values) if row.is_accepted)


def figures(scored: Sequence[Scored], **values: Any) -> Diagnostics:
    return diagnosed(scored, **values)[0]


def diagnosed(scored: Sequence[Scored], **values: Any) -> tuple[Diagnostics, pd.DataFrame]:
    section = settings(**values)
    return diagnose(*decisions(scored, section), section)


def ratios(log_ratio_N: Sequence[float], prompts: Sequence[int] | None = None) -> Candidates:
    """Right candidates with these log w under the uniform base measure."""
    numbers = prompts if prompts is not None else [0] * len(log_ratio_N)
    return columns(
        [
            candidate(draw, prompt_id=f"p{number}", proposal_logprob=-ratio)
            if np.isfinite(ratio)
            else candidate(draw, prompt_id=f"p{number}", reward=0.0)
            for draw, (number, ratio) in enumerate(zip(numbers, log_ratio_N, strict=True))
        ]
    )
