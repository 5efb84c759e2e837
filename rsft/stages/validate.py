"""Stage ``validate``: judges the accepted rows; its verdict is what ``finetune`` depends on.

A failed verdict is an output like any other, kept for reading. Training is what it stops. Where the
rounds have ended there is nothing to judge, and the verdict says so.
"""

from rsft.config import Config
from rsft.ledger import count_rows, read_rows, read_table
from rsft.stages.command import run_as_command
from rsft.stages.contract import PROMPTS, here, stopped_before
from rsft.types import Progress, Prompt
from rsft.validate import held_out_ids, validate_accepted, write_unjudged, write_validation


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``validation/``."""
    accepted = read_table(here(key) / "accepted")
    stopped = stopped_before(config, key)
    if stopped is not None:
        write_unjudged(here(key) / "validation", accepted, stopped)
        return
    section = config.validate_
    splits = {file.stem: read_rows(file, Prompt) for file in sorted(PROMPTS.glob("*.parquet"))}
    verdict = validate_accepted(
        accepted,
        has_bound=config.filter.uses_a_bound,
        may_repeat=not config.filter.deduplicate,
        candidates=count_rows(here(key) / "decisions"),
        held_out=held_out_ids(splits),
        limits={
            "max_tokens": config.generate.max_new_tokens,
            "max_per_prompt": config.filter.max_per_prompt or len(accepted),
            "min_reward": section.min_reward,
            "max_reward": section.max_reward,
            "min_rows": section.min_rows,
            "max_rows": section.max_rows,
            "min_acceptance_rate": section.min_acceptance_rate,
            "max_acceptance_rate": section.max_acceptance_rate,
        },
    )
    write_validation(here(key) / "validation", accepted, verdict)


if __name__ == "__main__":
    run_as_command(run)
