"""Whether MLflow's versions and aliases are those on record."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rsft.audit.case import model_hash
from rsft.audit.findings import Findings
from rsft.lineage import Entry, RunRecord, Trees
from rsft.registry import ModelVersion


class Difference(Protocol):
    """An alias that is not as the record has it."""

    @property
    def alias(self) -> str:
        """The alias."""

    @property
    def recorded(self) -> int | None:
        """The version that the record has; null for none."""

    @property
    def found(self) -> int | None:
        """The version it points at; null for none."""

    @property
    def remedy(self) -> str:
        """Why it does, and what to do about it."""


_TAG = "the version's tags in MLflow were edited, or it is not of this run"


def check_versions(
    name: str, record: Sequence[Entry], versions: Sequence[ModelVersion], findings: Findings
) -> None:
    """Whether each version of MLflow's has its registration on record, and the reverse."""
    in_mlflow = {version.version for version in versions}
    registered = [e for e in record if e.name == name and e.kind == "registered"]
    # A version that was deleted in MLflow may have been registered again, under another number.
    latest = {e.details["model_hash"]: e.version for e in registered}
    on_record = {e.version for e in registered} & (in_mlflow | set(latest.values()))
    for number in sorted(on_record | in_mlflow):
        tag = f"{name}@v{number}.0.0"
        findings.compare(
            "registration",
            f"{name}/{number}",
            expected=f"on record as tag {tag}, and in MLflow",
            found=_found(number in on_record, number in in_mlflow, tag),
            remedy="a tag that was deleted comes back with `git fetch --tags`; a version that was "
            "deleted in MLflow is in its backup, or `rsft run` registers it again",
        )


def check_aliases(
    name: str, aliases: Sequence[str], differences: Sequence[Difference], findings: Findings
) -> None:
    """Whether aliases point where the record has them.

    Args:
        name: The registered model.
        aliases: Those that are checked.
        differences: All of its aliases that do not.
        findings: Where it is told.
    """
    by_alias = {difference.alias: difference for difference in differences}
    for alias in aliases:
        findings.checked["alias"] += 1
        if (difference := by_alias.get(alias)) is not None:
            findings.add(
                "alias",
                f"{name}@{alias}",
                expected=_shown(difference.recorded),
                found=_shown(difference.found),
                remedy=difference.remedy,
            )


def has_alias(versions: Sequence[ModelVersion], alias: str) -> bool:
    """Whether one of some versions is what an alias points at."""
    return any(alias in version.aliases for version in versions)


def _shown(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"


def check_provenance(
    version: ModelVersion, run: RunRecord | None, trees: Trees, findings: Findings
) -> None:
    """Whether a version's tags say what its run's tag says."""
    tag = version.tags.get("git_tag")
    if run is None:
        findings.compare(
            "registration",
            f"{version.name}/{version.version}: its run",
            expected=f"tag {tag}",
            found=None,
            remedy="the run's tag was deleted; `git fetch --tags` brings it back from a copy",
        )
        return
    for key, expected in provenance(run, trees).items():
        findings.compare(
            "registration",
            f"{version.name}/{version.version}: {key}, as {run.tag} has it",
            expected=expected,
            found=version.tags.get(key),
            remedy=_TAG,
        )


def provenance(run: RunRecord, trees: Trees) -> Mapping[str, Any]:
    """The tags that MLflow's version of a run's model has."""
    hashes = {path: out.hash for stage in run.stages.values() for path, out in stage.outs.items()}
    lock = trees.read(run.commit, "dvc.lock")
    return {
        "run_id": run.run_id,
        "git_tag": run.tag,
        "git_commit": run.commit,
        "dvc_lock_sha256": hashlib.sha256(lock).hexdigest() if lock is not None else None,
        "model_md5": model_hash(run),
        **{f"md5:{path}": md5 for path, md5 in hashes.items()},
    }


def _found(is_on_record: bool, is_in_mlflow: bool, tag: str) -> str:
    if is_on_record and is_in_mlflow:
        return f"on record as tag {tag}, and in MLflow"
    return "on record alone" if is_on_record else "in MLflow alone"
