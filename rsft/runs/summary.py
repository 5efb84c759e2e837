"""What a run's files say, in one document: the figures of ``data/run.json``.

It reads what the stages left, and compares answers in pairs. Shares
(exact match, pass@k, rates) are fractions of 1, differences are percentage points.
"""

import json
from pathlib import Path
from typing import Any

from rsft.config import Config, round_folder
from rsft.evaluate import Interval, compare
from rsft.ledger import read_rows
from rsft.stages.contract import BASE, control_folder, here
from rsft.types import Answer, PromptDraws


def summarise_data(config: Config) -> dict[str, Any]:
    """Base, rounds, controls and gain of the run whose outputs are in ``data/``."""
    last = Path(round_folder(config.round_count))
    return {
        "base": read_evaluation(BASE),
        "rounds": [summarise_round(key) for key in config.rounds],
        "controls": {
            name: read_evaluation(control_folder(name))
            | {"difference": _points(paired(config, last, control_folder(name)))}
            for name in config.controls.names
        },
        "gain": _points(paired(config, last, BASE)),
    }


def summarise_round(key: str) -> dict[str, Any]:
    """What one round drew, kept, trained on and reached."""
    text = (here(key) / "decisions" / "diagnostics.json").read_text(encoding="utf-8")
    pool = (here(key) / "pool" / "diagnostics.json").read_text(encoding="utf-8")
    draws = read_rows(here(key) / "draws.parquet", PromptDraws)
    too_long = sum(row.status == "too_long" for row in draws)
    return {
        "round": int(key),
        "too_long": too_long,
        **json.loads(text),
        "pool": json.loads(pool),
        **read_evaluation(here(key)),
    }


def read_evaluation(folder: Path) -> dict[str, Any]:
    """The figures of each set, by name of the set."""
    evaluation: dict[str, Any] = json.loads((folder / "evaluation.json").read_text("utf-8"))
    return evaluation


def read_answers(folder: Path, name: str = "eval") -> list[Answer]:
    """The answers to one set."""
    return [row for row in read_rows(folder / "answers", Answer) if row.split == name]


def paired(config: Config, challenger: Path, other: Path) -> Interval:
    """Exact match of one folder's policy less another's on the same prompts, by family."""
    return compare_answers(config, read_answers(challenger), read_answers(other))


def compare_answers(config: Config, challenger: list[Answer], other: list[Answer]) -> Interval:
    """The paired difference in exact match, with its interval at the promotion's level."""
    return compare(
        challenger,
        other,
        resamples=config.evaluate.resamples,
        confidence=config.promote.confidence,
        seed=config.seed,
    )


def _points(interval: Interval) -> dict[str, float]:
    return {
        "points": 100 * interval.estimate,
        "low": 100 * interval.low,
        "high": 100 * interval.high,
    }
