"""Stage ``validate``: judges the accepted rows; its verdict is what ``finetune`` depends on.

A failed verdict is an output like any other, kept for reading. Training is what it stops. Where the
rounds have ended there is nothing to judge, and the verdict says so.
"""

from rsft.config import Config
from rsft.ledger import count_rows, read_table, stream_rows
from rsft.stages.command import run_as_command
from rsft.stages.contract import PROMPTS, here, stopped_before
from rsft.stages.slices import slices_of
from rsft.types import Decided, Progress, Prompt
from rsft.validate import held_out_ids, validate_accepted, write_unjudged

_ROWS = 250_000
"""Judged at a time, and what is left of a part: half a gigabyte of Great Expectations' frame."""


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``validation/``."""
    accepted = here(key) / "accepted"
    stopped = stopped_before(config, key)
    if stopped is not None:
        write_unjudged(here(key) / "validation", read_table(accepted), stopped)
        return
    section = config.validate_
    rows = count_rows(accepted)
    splits = {file.stem: stream_rows(file, Prompt) for file in sorted(PROMPTS.glob("*.parquet"))}
    validate_accepted(
        here(key) / "validation",
        (read_table(parts) for parts in slices_of(accepted, Decided, _ROWS)),
        rows=rows,
        has_bound=config.filter.uses_a_bound,
        may_repeat=not config.filter.deduplicate,
        candidates=count_rows(here(key) / "decisions"),
        held_out=held_out_ids(splits),
        limits={
            "max_tokens": config.generate.max_new_tokens,
            "max_per_prompt": config.filter.max_per_prompt or rows,
            "min_reward": section.min_reward,
            "max_reward": section.max_reward,
            "min_rows": section.min_rows,
            "max_rows": section.max_rows,
            "min_acceptance_rate": section.min_acceptance_rate,
            "max_acceptance_rate": section.max_acceptance_rate,
        },
    )


if __name__ == "__main__":
    run_as_command(run)
