"""What the manifest says of a run besides its stages: from the settings and what stages left."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from rsft.config import MODEL_BASED, POLICY, RAW, Config, ScoreSection, is_own
from rsft.ledger import count_rows, schema_of
from rsft.lineage import OutRecord, StageRun, md5_of
from rsft.stages.contract import BASE, here, read_handed_on, read_json, split_file
from rsft.types import Answer

_PART = "part-*.parquet"
"""Files that are one table, in a folder of their own."""


def environment_facts(config: Config) -> dict[str, Any]:
    """What the outputs depend on besides code, settings and data."""
    packages = {found.name.lower(): found.version for found in distributions()}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
        "threads": config.runtime.threads,
    }


def base_facts(config: Config, outs: Mapping[str, OutRecord]) -> dict[str, Any]:
    """Where the base came from, and its hash."""
    model = config.base.model
    source = "scratch" if model == "scratch" else "folder" if _is_below_raw(model) else "hub"
    return {
        "source": source,
        "name": model,
        "revision": config.base.revision,
        "hash": outs[str(BASE / "model")].hash,
    }


def scorer_facts(config: Config, stage_runs: Mapping[str, StageRun]) -> dict[str, Any]:
    """The rewards, and a hash that is the same as long as they judge in the same way."""
    section = config.score
    deps = stage_runs[f"score@{next(iter(config.rounds))}"].deps
    judged_by = {
        "score": section.model_dump(mode="json"),
        "code": deps["rsft/score"],
        "raw": deps[str(RAW)] if any(_is_from_raw(section, n) for n in section.rewards) else None,
    }
    text = json.dumps(judged_by, sort_keys=True)
    return {
        "rewards": [
            {"name": name, "weight": weight, "model": _model_of(section, name)}
            for name, weight in section.rewards.items()
        ],
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
    }


def evaluation_fingerprint(config: Config, scorers: str) -> str:
    """MD5 of what all sets ask, and of what decides which answers are right.

    Answers under one fingerprint are answers to the same questions, judged in the same way, and
    recorded in the same form: they can be compared in pairs.

    Args:
        config: The settings, in the folder of their prompts.
        scorers: Fingerprint of the scorers.
    """
    sets = sorted(config.evaluate.sets.items())
    document = {
        "prompts": {name: md5_of(split_file(split).read_bytes()) for name, split in sets},
        "scorers": scorers,
        "record": schema_of(Answer).to_string(),
        "correct_reward": config.filter.correct_reward,
        "max_new_tokens": config.evaluate.max_new_tokens,
    }
    return md5_of(json.dumps(document, sort_keys=True).encode())


def expectation_facts(config: Config, outs: Mapping[str, OutRecord]) -> dict[str, Any]:
    """The verdict on each round's accepted rows, and where it is kept."""
    return {key: _verdict(here(key) / "validation", outs) for key in config.rounds}


def monitor_facts(config: Config) -> dict[str, Any]:
    """Of each round, why the rounds ended, whose policy it hands on, and what tripped."""
    return {key: _monitor(here(key)) for key in config.rounds}


def policy_facts() -> dict[str, str] | None:
    """The rules of promotion; null where there are none yet."""
    if not POLICY.exists():
        return None
    return {"path": str(POLICY), "sha256": hashlib.sha256(POLICY.read_bytes()).hexdigest()}


def table_rows(outs: Iterable[str]) -> dict[str, int]:
    """Rows by path of each table among outputs: a Parquet file, or a folder of parts."""
    tables: set[Path] = set()
    for out in map(Path, outs):
        files = [out] if out.suffix == ".parquet" else out.rglob("*.parquet")
        tables |= {file.parent if file.match(_PART) else file for file in files}
    return {str(table): count_rows(table) for table in sorted(tables)}


def _is_from_raw(section: ScoreSection, name: str) -> bool:
    """Whether a reward is made of files below ``data/raw``."""
    return is_own(name) or _is_below_raw(_model_of(section, name) or "")


def _is_below_raw(model: str) -> bool:
    return RAW in Path(model).parents


def _model_of(section: ScoreSection, name: str) -> str | None:
    """The model that a reward asks, with its revision; null where it asks none."""
    if name not in MODEL_BASED:
        return None
    if name == "judge":
        assert section.judge is not None
        return section.judge.server.model
    asked = section.reward_model if name == "reward_model" else section.target_model
    assert asked is not None
    return asked.model + (f"@{asked.revision}" if asked.revision else "")


def _verdict(folder: Path, outs: Mapping[str, OutRecord]) -> dict[str, Any]:
    verdict = read_json(folder / "verdict.json")
    return {
        "success": verdict["success"],
        "evaluated": verdict["evaluated"],
        "failed": [failure["summary"] for failure in verdict["failed"]],
        "warnings": [failure["summary"] for failure in verdict["warnings"]],
        "path": str(folder),
        "hash": outs[str(folder)].hash,
    }


def _monitor(folder: Path) -> dict[str, Any]:
    handed_on = read_handed_on(folder)
    stopped = read_json(folder / "monitor.json")["stopped"]
    is_tripped = stopped is not None and stopped["kind"] == "collapsed"
    return {
        "stopped": handed_on["stopped"],
        "round": handed_on["round"],
        "tripped": stopped["reason"].split("; ") if is_tripped else [],
    }
