"""A champion that took another exam answers the challenger's prompts, judged as that one was."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rsft.audit.files import files_below
from rsft.config import RAW, ScoreSection, is_own
from rsft.errors import LineageError
from rsft.lineage import Fetcher, PlainFolder, Trees, Workspace, folder_md5, hash_objects
from rsft.promotion.exam import Answers, Exam, read_prompts
from rsft.registry import ModelVersion, Registry, fetch
from rsft.score import build_rewards
from rsft.stages.command import silent

_SCORERS = Path("rsft/score")


def answer_anew(
    workspace: Workspace, registry: Registry, version: ModelVersion, model_hash: str, exam: Exam
) -> Answers:
    """What a registered version answers to the prompts of an exam.

    Args:
        workspace: The checkout, whose code judges.
        registry: Where the version is.
        version: Who answers.
        model_hash: What its model is on record with.
        exam: The prompts, and the settings.

    Raises:
        LineageError: Where this checkout would judge otherwise than the exam was judged, or the
            registry's model is not the one on record.
    """
    differing = differing_judges(workspace, exam)
    if differing:
        raise LineageError(
            f"the champion must answer the prompts of {exam.run.tag}, and this checkout would "
            f"judge otherwise than that run did: {', '.join(differing[:3])} differ; check out "
            f"{exam.run.tag}, or run again"
        )
    folder = fetch(registry, version)
    _require_recorded(folder, version, model_hash)
    # Seconds to import, and seldom needed.
    from rsft.policy import load_policy, use_machine
    from rsft.stages.answering import answer_set, greedy_of

    device = use_machine(exam.config.runtime)
    policy = load_policy(folder, device=device)
    rewards = build_rewards(exam.config.score, device=exam.config.runtime.device)
    return {
        name: greedy_of(answer_set(policy, exam.config, rewards, name, prompts))
        for name, prompts in read_prompts(workspace, exam).items()
    }


def differing_judges(workspace: Workspace, exam: Exam) -> list[str]:
    """Files of scorers, and what the user brought for rewards, that are not those of the run."""
    then = dict(_judges(workspace, exam))
    now = _hashes(workspace.root, then)
    return sorted(path for path, md5 in then.items() if now[path] != md5)


def _judges(workspace: Workspace, exam: Exam) -> Iterator[tuple[str, str]]:
    """Path and MD5 of each file that judged a run: code from its tag, the user's from the cache."""
    trees = Trees(workspace)
    for path in trees.files(exam.run.commit):
        if _SCORERS in Path(path).parents:
            yield path, str(trees.md5(exam.run.commit, path))
    if _is_from_raw(exam.config.score):
        for member in Fetcher(workspace).members(_raw_hash(exam)):
            yield str(RAW / member.path), member.hash


def _is_from_raw(section: ScoreSection) -> bool:
    """Whether rewards are made of what the user brought."""
    models = (section.reward_model, section.target_model)
    is_below = any(model is not None and RAW in Path(model.model).parents for model in models)
    return is_below or any(map(is_own, section.rewards))


def _raw_hash(exam: Exam) -> str:
    try:
        return str(exam.run.manifest["inputs"][str(RAW)]["hash"])
    except KeyError:
        raise LineageError(
            f"{exam.run.tag} has no {RAW} on record, of which its rewards are made; run again"
        ) from None


def _require_recorded(folder: Path, version: ModelVersion, model_hash: str) -> None:
    """Refuses to let a model answer that is not the one on record."""
    hashes = _hashes(folder, files_below(folder))
    found = folder_md5({path: str(md5) for path, md5 in hashes.items()})
    if found != model_hash:
        raise LineageError(
            f"{version.name}/{version.version}: the model in {folder} is {found}, and {model_hash} "
            f"is on record; `rsft audit {version.name}/{version.version}` tells which file differs"
        )


def _hashes(folder: Path, names: Iterable[str]) -> dict[str, str | None]:
    """MD5 by path of files in a folder; null where one is not there, or cannot be read."""
    hashed = hash_objects(PlainFolder(name=str(folder), folder=folder), names, silent)
    return {name: each.hash for name, each in hashed.items()}
