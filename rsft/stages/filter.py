"""Stage ``filter``: decides every candidate of a round, and says how the decisions came out.

Rules that decide each prompt by itself are shown slices of whole prompts; those with a bound, a
rank or a quota of the round all of its candidates, as columns. They are written part by part.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rsft.config import Config
from rsft.errors import AcceptanceError
from rsft.filter import (
    Candidates,
    Diagnostics,
    Tally,
    columns_read,
    decide,
    decided_tables,
    read_candidates,
)
from rsft.ledger import (
    files_of,
    read_rows,
    read_tables,
    schema_of,
    write_table,
    written_in_pieces,
)
from rsft.stages.command import run_as_command
from rsft.stages.contract import here, stopped_before
from rsft.stages.slices import slices_of
from rsft.types import Progress, PromptAcceptance, PromptDraws, Scored

_ROWS = 1_000_000
"""Candidates decided at a time, and what is left of a part: 150 MB at the peak."""


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``decisions/`` (every candidate), ``acceptance.parquet`` and ``accepted/``.

    Raises:
        AcceptanceError: Where nothing is accepted: there is nothing to learn from. Once the rounds
            have ended, there is nothing to accept.
    """
    try:
        with written_in_pieces(here(key) / "acceptance.parquet") as write:
            diagnostics = _decide(config, key, write)
            if not diagnostics.accepted and stopped_before(config, key) is None:
                raise AcceptanceError(_nothing_accepted(diagnostics, key))
    except AcceptanceError:
        for name in ("decisions", "accepted"):
            shutil.rmtree(here(key) / name, ignore_errors=True)
        raise
    text = json.dumps(diagnostics.as_dict(), indent=2, sort_keys=True, ensure_ascii=False)
    (here(key) / "decisions" / "diagnostics.json").write_text(text + "\n", encoding="utf-8")


def _decide(config: Config, key: str, write: Callable[[pa.Table], None]) -> Diagnostics:
    """Writes the parts, and by ``write`` the figures of each prompt."""
    section, scored = config.filter, here(key) / "scored"
    tally = Tally(section)
    by_prompt = section.decides_by_prompt
    number = 0
    for parts in slices_of(scored, Scored, _ROWS) if by_prompt else [files_of(scored)]:
        candidates = recorded_candidates(config, key, parts)
        decisions = decide(candidates, section, seed=config.seed, round=int(key))
        figures = tally.add(candidates, decisions)
        write(pa.Table.from_pandas(figures, schema_of(PromptAcceptance), preserve_index=False))
        for table in decided_tables(_tables(parts), candidates, decisions, section):
            name = f"part-{number:05}.parquet"
            write_table(here(key) / "decisions" / name, table)
            write_table(here(key) / "accepted" / name, table.filter(pc.field("is_accepted")))
            number += 1
    return tally.diagnostics()


def recorded_candidates(
    config: Config, key: str, parts: Sequence[Path] | None = None
) -> Candidates:
    """Scored candidates of a round, as far as decisions by the settings read them.

    Args:
        config: The settings.
        key: The round.
        parts: Of its table; by default all.
    """
    section, rates = config.filter, None
    if section.quota == "difficulty":
        draws = read_rows(here(key) / "draws.parquet", PromptDraws)
        rates = {row.prompt_id: row.success_rate for row in draws}
    tables = _tables(parts or files_of(here(key) / "scored"), columns_read(section))
    return read_candidates(tables, section, success_rates=rates)


def _tables(parts: Sequence[Path], columns: list[str] | None = None) -> Iterator[pa.Table]:
    return (table for part in parts for table in read_tables(part, Scored, columns))


def _nothing_accepted(diagnostics: Diagnostics, key: str) -> str:
    reasons = ", ".join(f"{n} {reason}" for reason, n in diagnostics.reasons.items())
    return (
        f"round {key}: none of {diagnostics.candidates} candidates was accepted ({reasons}); "
        f"loosen filter, raise generate.draws_per_prompt, or look at {here(key) / 'scored'}"
    )


if __name__ == "__main__":
    run_as_command(run)
