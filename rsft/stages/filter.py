"""Stage ``filter``: decides every candidate of a round, and says how the decisions came out.

Candidates are read part by part into columns, decided at once, and written part by part.
"""

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from rsft.config import Config
from rsft.errors import AcceptanceError
from rsft.filter import (
    Candidates,
    Diagnostics,
    columns_read,
    decide,
    decided_tables,
    diagnose,
    read_candidates,
)
from rsft.ledger import read_rows, read_tables, schema_of, write_table
from rsft.stages.command import run_as_command
from rsft.stages.contract import here, stopped_before
from rsft.types import Progress, PromptAcceptance, PromptDraws, Scored


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``decisions/`` (every candidate), ``acceptance.parquet`` and ``accepted/``.

    Raises:
        AcceptanceError: Where nothing is accepted: there is nothing to learn from. Once the rounds
            have ended, there is nothing to accept.
    """
    section = config.filter
    candidates = recorded_candidates(config, key)
    decisions = decide(candidates, section, seed=config.seed, round=int(key))
    diagnostics, by_prompt = diagnose(candidates, decisions, section)
    if not diagnostics.accepted and stopped_before(config, key) is None:
        raise AcceptanceError(_nothing_accepted(diagnostics, key))
    parts = decided_tables(_scored(key), candidates, decisions, section)
    for number, table in enumerate(parts):
        name = f"part-{number:05}.parquet"
        write_table(here(key) / "decisions" / name, table)
        write_table(here(key) / "accepted" / name, table.filter(pc.field("is_accepted")))
    text = json.dumps(diagnostics.as_dict(), indent=2, sort_keys=True, ensure_ascii=False)
    (here(key) / "decisions" / "diagnostics.json").write_text(text + "\n", encoding="utf-8")
    table = pa.Table.from_pandas(by_prompt, schema_of(PromptAcceptance), preserve_index=False)
    write_table(here(key) / "acceptance.parquet", table)


def recorded_candidates(config: Config, key: str) -> Candidates:
    """The scored candidates of a round, as far as decisions by the settings read them."""
    draws = read_rows(here(key) / "draws.parquet", PromptDraws)
    return read_candidates(
        _scored(key, columns_read(config.filter)),
        config.filter,
        success_rates={row.prompt_id: row.success_rate for row in draws},
    )


def _scored(key: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    return read_tables(here(key) / "scored", Scored, columns)


def _nothing_accepted(diagnostics: Diagnostics, key: str) -> str:
    reasons = ", ".join(f"{n} {reason}" for reason, n in diagnostics.reasons.items())
    return (
        f"round {key}: none of {diagnostics.candidates} candidates was accepted ({reasons}); "
        f"loosen filter, raise generate.draws_per_prompt, or look at {here(key) / 'scored'}"
    )


if __name__ == "__main__":
    run_as_command(run)
