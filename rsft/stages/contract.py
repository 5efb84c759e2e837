"""The data contract: where each stage reads and writes, below the workspace's top folder.

data/prompts/<split>.parquet
             contamination/leaks.parquet       what training prompts share with evaluation ones
             forgotten.json                    by split, prompts left out as `rsft forget` said
data/base/{model,pool,heldout,best,answers}/                                 the base is round 0
                    handed_on.json monitor.json evaluation.json
data/rounds/<r>/{candidates,scored,decisions,accepted,pool,validation,trained,model,heldout,best,
                 answers}/
                    draws.parquet acceptance.parquet handed_on.json monitor.json evaluation.json
data/controls/<r>/<name>/{model,answers}/ evaluation.json
data/run.json                                                  summary of the last run

A round's ``trained`` is what it trained, ``model`` what it hands on: the next round samples from
it, it is evaluated, and the last round's is registered. Once the rounds are stopped, those left
write empty tables and hand on the ``model`` that they were given.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from rsft.config import Config, round_folder
from rsft.ledger import read_table, rows_of
from rsft.types import Answer

PROMPTS = Path("data/prompts")
PROMPT_LEAKS = PROMPTS / "contamination" / "leaks.parquet"
"""What was found in training prompts and labelled solutions. It is no split: hence the folder."""
FORGOTTEN_COUNTS = PROMPTS / "forgotten.json"
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
    stopped: str | None = read_handed_on(before(config, key))["stopped"]
    return stopped


def read_handed_on(folder: Path) -> dict[str, Any]:
    """Whose policy a round's folder hands on, ``round``, and why the rounds end: ``stopped``.

    Of all that the monitor knows, it is what later stages depend on: a figure that is measured in
    another way must not have rounds trained again.
    """
    return read_json(folder / "handed_on.json")


def read_json(file: Path) -> dict[str, Any]:
    """A document that a stage left."""
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def write_json(file: Path, document: Mapping[str, Any]) -> None:
    """Writes a document: the same content is always the same bytes."""
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False)
    file.write_text(text + "\n", encoding="utf-8")


def copy_policy(source: Path, target: Path) -> None:
    """Copies a policy's folder: the same bytes, in files of their own."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=shutil.copyfile)
