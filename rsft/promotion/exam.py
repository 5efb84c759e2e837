"""What a run was examined on, and the answers that are on record, by hash.

same prompts, and the same judges      ─► recorded answers can be compared in pairs
else                                   ─► the champion answers the challenger's prompts anew
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsft.config import POLICY, Config, Policy, parse_config, parse_policy
from rsft.errors import LedgerError, LineageError
from rsft.ledger import read_rows
from rsft.lineage import Cache, RunRecord, Workspace, md5_of, read_runs, read_tagged
from rsft.stages.contract import BASE, PROMPTS, read_greedy
from rsft.types import Answer, Prompt

Answers = Mapping[str, list[Answer]]
"""Greedy answers by name of the set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """What a run's policies were asked, and by what they were judged."""

    run: RunRecord
    """The run."""
    config: Config
    """Its settings, as its tag has them."""
    prompts: Mapping[str, str]
    """Hash by name of each set's table of prompts."""
    fingerprint: str
    """The same where the prompts are, and what decides which answers are right."""

    @property
    def evaluation(self) -> str:
        """Hash of the evaluation prompts."""
        return self.prompts["eval"]


def read_exam(workspace: Workspace, run: RunRecord) -> Exam:
    """What a run was examined on.

    Raises:
        LineageError: Where its tag or the cache lack it.
        ConfigurationError: Where its settings are not those of this code.
    """
    config = parse_config(_text(workspace, run, "params.yaml"), name=f"params.yaml in {run.tag}")
    members = Cache(workspace).members(_hash_of(run, PROMPTS))
    by_split = {Path(member.path).stem: member.hash for member in members}
    prompts = {name: by_split[split] for name, split in sorted(config.evaluate.sets.items())}
    judged: dict[str, Any] = {
        "prompts": prompts,
        "scorers": run.manifest["scorers"]["fingerprint"],
        "correct_reward": config.filter.correct_reward,
        "max_new_tokens": config.evaluate.max_new_tokens,
    }
    digest = hashlib.sha256(json.dumps(judged, sort_keys=True).encode()).hexdigest()
    return Exam(run=run, config=config, prompts=prompts, fingerprint=digest)


def read_policy(workspace: Workspace, run: RunRecord) -> Policy:
    """What a run is judged by.

    Raises:
        LineageError: Where its tag has none.
        ConfigurationError: Where it is none.
    """
    return parse_policy(_text(workspace, run, str(POLICY)), name=f"{POLICY} in {run.tag}")


def own_answers(workspace: Workspace, run: RunRecord) -> Answers:
    """What the model of a run answered.

    Raises:
        LineageError: Where the cache lacks it, or what is there is not what was recorded.
    """
    return _recorded(workspace, run, Path(run.manifest["model"]["path"]).parent)


def base_answers(workspace: Workspace, run: RunRecord) -> Answers:
    """What the base of a run answered.

    Raises:
        LineageError: As ``own_answers``.
    """
    return _recorded(workspace, run, BASE)


def answers_on_record(workspace: Workspace, model_hash: str, exam: Exam) -> Answers | None:
    """What a model answered when it took the same exam, or None where no run at hand has that."""
    for run in reversed(read_runs(workspace)):
        if run.manifest["model"]["hash"] != model_hash:
            continue
        try:
            if read_exam(workspace, run).fingerprint == exam.fingerprint:
                return own_answers(workspace, run)
        except (LineageError, LedgerError, ValueError):
            continue  # its objects are gone, or it was recorded by other code
    return None


def read_prompts(workspace: Workspace, exam: Exam) -> dict[str, list[Prompt]]:
    """The prompts of an exam, by name of the set.

    Raises:
        LineageError: As ``own_answers``.
    """
    cache = Cache(workspace)
    return {name: read_rows(_sound(cache, md5), Prompt) for name, md5 in exam.prompts.items()}


def _recorded(workspace: Workspace, run: RunRecord, folder: Path) -> Answers:
    cache = Cache(workspace)
    by_set: dict[str, list[Answer]] = {}
    for member in cache.members(_hash_of(run, folder / "answers")):
        for name, answers in read_greedy(_sound(cache, member.hash)).items():
            by_set.setdefault(name, []).extend(answers)
    return by_set


def _text(workspace: Workspace, run: RunRecord, path: str) -> str:
    return read_tagged(workspace, run, path).decode("utf-8", "replace")


def _hash_of(run: RunRecord, path: Path) -> str:
    """The recorded hash of an output.

    Raises:
        LineageError: Where the run has no such output.
    """
    for stage in run.manifest["stages"].values():
        if str(path) in stage["outs"]:
            return str(stage["outs"][str(path)]["hash"])
    raise LineageError(f"{run.tag} has no {path} on record")


def _sound(cache: Cache, md5: str) -> Path:
    """An object that is what its hash says.

    Raises:
        LineageError: Where it is not there, or is not that.
    """
    file = cache.object(md5)
    try:
        found = md5_of(file.read_bytes())
    except OSError:
        raise LineageError(f"object {md5} is not in the cache; `dvc pull` brings it back") from None
    if found != md5:
        raise LineageError(f"{file} is not what was recorded; `rsft audit` tells what else is not")
    return file
