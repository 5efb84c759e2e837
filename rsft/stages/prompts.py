"""Stage ``prompts``: makes or reads the prompts and checks their splits."""

from rsft.config import Config
from rsft.ledger import write_rows
from rsft.prompts.splits import load_splits
from rsft.stages.command import run_as_command
from rsft.stages.contract import split_file
from rsft.types import Progress, Prompt


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes one table per split."""
    for split, rows in load_splits(config.prompts, seed=config.seed).items():
        write_rows(split_file(split), Prompt, rows)


if __name__ == "__main__":
    run_as_command(run)
