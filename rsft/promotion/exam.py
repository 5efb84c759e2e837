"""What a run was examined on, and the answers that are on record, by hash.

same prompts, and the same judges      ─► recorded answers can be compared in pairs
else                                   ─► the champion answers the challenger's prompts anew
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rsft.config import POLICY, Config, Policy, parse_config, parse_policy
from rsft.errors import LedgerError, LineageError
from rsft.ledger import read_rows
from rsft.lineage import Fetcher, RunRecord, Workspace, latest_runs, md5_of, read_tagged
from rsft.promotion.form import has_made, require_form
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
    """The same where the prompts are, and what decides which answers are right: ``evaluation`` of
    the manifest."""


def read_exam(workspace: Workspace, run: RunRecord) -> Exam:
    """What a run was examined on.

    Raises:
        LineageError: Where its tag, or cache and remote, lack it, or it is not as this code
            records it.
        ConfigurationError: Where its settings are not those of this code.
    """
    require_form(run)
    config = parse_config(_text(workspace, run, "params.yaml"), name=f"params.yaml in {run.tag}")
    members = Fetcher(workspace).members(_hash_of(run, PROMPTS))
    by_split = {Path(member.path).stem: member.hash for member in members}
    lacking = sorted(set(config.evaluate.sets.values()) - by_split.keys())
    if lacking:
        raise LineageError(f"{run.tag} has no {PROMPTS}/{lacking[0]}.parquet on record")
    return Exam(
        run=run,
        config=config,
        prompts={name: by_split[split] for name, split in sorted(config.evaluate.sets.items())},
        fingerprint=run.manifest["evaluation"],
    )


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
        LineageError: Where cache and remote lack it, or what is there is not what was recorded.
    """
    return _recorded(workspace, run, Path(run.manifest["model"]["path"]).parent)


def base_answers(workspace: Workspace, run: RunRecord) -> Answers:
    """What the base of a run answered.

    Raises:
        LineageError: As ``own_answers``.
    """
    return _recorded(workspace, run, BASE)


def answers_on_record(workspace: Workspace, model_hash: str, exam: Exam) -> Answers | None:
    """What a model answered when it took the same exam, or None where no run at hand has that.

    A run that changed underneath is not believed.
    """
    for run in latest_runs(workspace, model_hash):
        if not has_made(run, model_hash):
            continue
        try:
            is_same = read_exam(workspace, run).fingerprint == exam.fingerprint
            if is_same and not run.manifest["changed"]:
                return own_answers(workspace, run)
        except (LineageError, LedgerError, ValueError):
            continue  # its objects are gone, or it was recorded by other code
    return None


def read_prompts(workspace: Workspace, exam: Exam) -> dict[str, list[Prompt]]:
    """The prompts of an exam, by name of the set.

    Raises:
        LineageError: As ``own_answers``.
    """
    return {name: read_prompt_table(workspace, md5) for name, md5 in exam.prompts.items()}


def read_prompt_table(workspace: Workspace, md5: str) -> list[Prompt]:
    """The prompts of a table by its hash.

    Raises:
        LineageError: As ``own_answers``.
        LedgerError: Where it is no table of prompts.
    """
    return read_rows(_sound(Fetcher(workspace), md5), Prompt)


def _recorded(workspace: Workspace, run: RunRecord, folder: Path) -> Answers:
    fetcher = Fetcher(workspace)
    by_set: dict[str, list[Answer]] = {}
    for member in fetcher.members(_hash_of(run, folder / "answers")):
        for name, answers in read_greedy(_sound(fetcher, member.hash)).items():
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


def _sound(fetcher: Fetcher, md5: str) -> Path:
    """An object that is what its hash says.

    Raises:
        LineageError: Where it is not there, or is not that.
    """
    file = fetcher.object(md5)
    try:
        found = md5_of(file.read_bytes())
    except OSError:
        raise LineageError(f"object {md5} is not in the cache; `dvc pull` brings it back") from None
    if found != md5:
        raise LineageError(f"{file} is not what was recorded; `rsft audit` tells what else is not")
    return file
