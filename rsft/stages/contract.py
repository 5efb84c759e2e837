"""The data contract: where each stage reads and writes, below the workspace's top folder.

data/prompts/<split>.parquet
             contamination/leaks.parquet       what training prompts share with evaluation ones
data/base/{model,pool,heldout,best,answers}/ monitor.json evaluation.json    the base is round 0
data/rounds/<r>/{candidates,scored,decisions,accepted,pool,validation,trained,model,heldout,best,
                 answers}/ draws.parquet acceptance.parquet monitor.json evaluation.json
data/controls/<r>/<name>/{model,answers}/ evaluation.json
data/run.json                                                  summary of the last run

A round's ``trained`` is what it trained, ``model`` what it hands on: the next round samples from
it, it is evaluated, and the last round's is registered. Once the rounds are stopped, those left
write empty tables and hand on the ``model`` that they were given.
"""

import json
import shutil
from pathlib import Path

import pyarrow.compute as pc

from rsft.config import Config, round_folder
from rsft.ledger import read_table, rows_of
from rsft.types import Answer

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


def read_greedy(answers: Path) -> dict[str, list[Answer]]:
    """The greedy answers of a table of answers, by name of the set.

    Raises:
        LedgerError: Where there is no such table.
    """
    table = read_table(answers, Answer)
    by_set: dict[str, list[Answer]] = {}
    for answer in rows_of(table.filter(pc.is_null(table["draw"])), Answer):
        by_set.setdefault(answer.split, []).append(answer)
    return by_set


def stopped_before(config: Config, key: str) -> str | None:
    """Why the rounds ended before a round, in one line; null where it is run."""
    text = (before(config, key) / "monitor.json").read_text(encoding="utf-8")
    stop = json.loads(text)["stopped"]
    return None if stop is None else f"{stop['kind']} in round {stop['round']}: {stop['reason']}"


def copy_policy(source: Path, target: Path) -> None:
    """Copies a policy's folder: the same bytes, in files of their own."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=shutil.copyfile)
