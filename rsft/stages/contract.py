"""The data contract: where each stage reads and writes, below the workspace's top folder.

data/prompts/<split>.parquet
             contamination/leaks.parquet       what training prompts share with evaluation ones
data/base/{model,pool,heldout,answers}/ monitor.json evaluation.json         the base is round 0
data/rounds/<r>/{candidates,scored,decisions,accepted,pool,validation,trained,model,heldout,answers}/
                    monitor.json evaluation.json
data/controls/<r>/<name>/{model,answers}/
                    evaluation.json
data/run.json                                                  summary of the last run
"""

from pathlib import Path

from rsft.config import Config, round_folder

PROMPTS = Path("data/prompts")
PROMPT_LEAKS = PROMPTS / "contamination" / "leaks.parquet"
"""What was found in training prompts and labelled solutions. It is no split: hence the folder."""
BASE = Path("data/base")
RUN_SUMMARY = Path("data/run.json")
PRIVATE = Path(".rsft")
"""What belongs to this workspace alone: ledgers of unfinished work, locks, databases."""


def split_file(split: str) -> Path:
    """Table of a split's prompts."""
    return PROMPTS / f"{split}.parquet"


def here(key: str) -> Path:
    """Folder of a round."""
    return Path(round_folder(int(key)))


def before(config: Config, key: str) -> Path:
    """Folder of what a round starts from."""
    return Path(config.rounds[key].prev)


def control_folder(number: int, name: str) -> Path:
    """Folder of a control after a round."""
    return Path("data/controls") / str(number) / name
