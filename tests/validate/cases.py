"""A round's accepted rows that meet every expectation, to be broken in one way at a time."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from rsft.ledger import read_table, table_of
from rsft.types import Decided
from rsft.validate import Verdict, validate_accepted


def good_row(number: int) -> Decided:
    """Row of a table in which each prompt has two different completions."""
    return Decided(
        prompt_id=f"p{number // 2}",
        round=1,
        draw=number % 2,
        policy_version="abc",
        text=f"n0 + n{1 + number % 2} = r0",
        token_ids=(4, 5, 6, 7, 8, 1),
        token_count=6,
        finish_reason="stop",
        proposal_logprob=-2.5,
        policy_logprob=-2.5,
        reward=1.0,
        reward_breakdown={"worked_solution": 1.0},
        score_status="ok",
        score_note=None,
        outcome="7",
        reference_logprob=None,
        is_canonical=True,
        log_target=0.0,
        log_bound=2.0,
        log_accept_ratio=-0.5,
        accept_prob=math.exp(-0.5),
        coin=0.5,
        is_accepted=True,
        reason="accepted",
        weight=1.0,
    )


@dataclass
class Judged:
    """What the gate said and wrote."""

    verdict: Verdict
    rows: dict[str, tuple[int, ...]]
    """Numbers of the failing rows by expectation, of all that failed."""


@dataclass
class Case:
    """What the gate is asked: 12 good rows of 30 candidates, unless a test breaks them."""

    rows: list[Decided] = field(default_factory=lambda: [good_row(n) for n in range(12)])
    types: dict[str, pa.DataType] = field(default_factory=dict)
    """Columns that have other types than those of a decision."""
    extra: dict[str, int] = field(default_factory=dict)
    """Columns that a decision has not, with the value that every row has there."""
    has_bound: bool = True
    candidates: int = 30
    held_out: frozenset[str] = frozenset({"evaluation-1"})
    limits: dict[str, float] = field(
        default_factory=lambda: {
            "max_tokens": 8,
            "max_per_prompt": 3,
            "min_reward": 0,
            "max_reward": 1,
            "min_rows": 10,
            "max_rows": 20,
            "min_acceptance_rate": 0.1,
            "max_acceptance_rate": 0.9,
        }
    )

    def set(self, number: int, **values: Any) -> None:
        """Replaces values of one row."""
        self.rows[number] = dataclasses.replace(self.rows[number], **values)

    def set_all(self, **values: Any) -> None:
        """Replaces values of every row."""
        for number in range(len(self.rows)):
            self.set(number, **values)

    def table(self) -> pa.Table:
        """The rows as they would lie in a file."""
        table = table_of(Decided, self.rows)
        for name, type_ in self.types.items():
            place = table.column_names.index(name)
            table = table.set_column(place, name, table.column(name).cast(type_))
        for name, value in self.extra.items():
            table = table.append_column(name, pa.repeat(value, len(table)))
        return table

    def judge(self, folder: Path | None = None, *, rows: int | None = None) -> Judged:
        """Asks the gate, in slices of so many rows each, or all at once."""
        if folder is None:
            with TemporaryDirectory() as elsewhere:
                return self.judge(Path(elsewhere), rows=rows)
        table = self.table()
        step = rows or max(1, len(table))
        verdict = validate_accepted(
            folder,
            (table.slice(start, step) for start in range(0, max(1, len(table)), step)),
            rows=len(table),
            has_bound=self.has_bound,
            candidates=self.candidates,
            held_out=self.held_out,
            limits=self.limits,
        )
        kept = read_table(folder / "failing_rows.parquet")
        pairs = zip(kept["row"].to_pylist(), kept["fails"].to_pylist(), strict=True)
        named = [(name, row) for row, names in pairs for name in names]
        return Judged(
            verdict,
            {
                failure.expectation: tuple(
                    row for name, row in named if name == failure.expectation
                )
                for failure in (*verdict.failed, *verdict.warnings)
            },
        )


def ranked_case() -> Case:
    """Rows that a rule without a bound accepted."""
    case = Case(has_bound=False)
    case.set_all(
        log_target=None, log_bound=None, log_accept_ratio=None, accept_prob=None, coin=None
    )
    return case
