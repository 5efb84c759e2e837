"""A champion that took another exam answers the challenger's prompts, judged as that one was."""

from pathlib import Path

from rsft.config import RAW, is_own
from rsft.errors import LineageError
from rsft.lineage import Workspace
from rsft.lineage.git import run_git
from rsft.promotion.exam import Answers, Exam, read_prompts
from rsft.registry import ModelVersion, Registry, fetch
from rsft.score import build_rewards

_SCORERS = Path("rsft/score")


def answer_anew(
    workspace: Workspace, registry: Registry, version: ModelVersion, exam: Exam
) -> Answers:
    """What a registered version answers to the prompts of an exam.

    Args:
        workspace: The checkout, whose code judges.
        registry: Where the version is.
        version: Who answers.
        exam: The prompts, and the settings.

    Raises:
        LineageError: Where this checkout would judge otherwise than the exam was judged.
    """
    differing = differing_judges(workspace, exam)
    if differing:
        raise LineageError(
            f"the champion must answer the prompts of {exam.run.tag}, and this checkout would "
            f"judge otherwise than that run did: {', '.join(differing[:3])} differ; check out "
            f"{exam.run.tag}, or run again"
        )
    # Seconds to import, and seldom needed.
    from rsft.policy import load_policy, use_machine
    from rsft.stages.answering import answer_set, greedy_of

    device = use_machine(exam.config.runtime)
    policy = load_policy(fetch(registry, version))
    policy.model.to(device)
    rewards = build_rewards(exam.config.score)
    return {
        name: greedy_of(answer_set(policy, exam.config, rewards, name, prompts))
        for name, prompts in read_prompts(workspace, exam).items()
    }


def differing_judges(workspace: Workspace, exam: Exam) -> list[str]:
    """Files of scorers, and what the user brought for rewards, that are not those of the run."""
    section, root = exam.config.score, workspace.root
    models = (section.reward_model, section.target_model)
    is_raw = any(model is not None and RAW in Path(model.model).parents for model in models)
    folders = [_SCORERS, RAW] if is_raw or any(map(is_own, section.rewards)) else [_SCORERS]
    listed = run_git(root, "ls-tree", "-r", "-z", exam.run.commit, "--", *map(str, folders))
    entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
    blobs = {path: head.split()[2] for head, _, path in entries}
    files = [path for path in blobs if (root / path).is_file()]
    hashed = run_git(root, "hash-object", "--stdin-paths", given="".join(f"{f}\n" for f in files))
    now = dict(zip(files, hashed.splitlines(), strict=True))
    return sorted(path for path, blob in blobs.items() if now.get(path) != blob)
