"""Whether MLflow's versions and alias are those on record."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from rsft.audit.findings import Findings
from rsft.lineage import Entry, RunRecord, Trees, in_service
from rsft.registry import CHAMPION, ModelVersion

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


def check_alias(
    name: str, record: Sequence[Entry], versions: Sequence[ModelVersion], findings: Findings
) -> None:
    """Whether the champion is the version that was promoted last."""
    serving = in_service(record, name)
    champions = [version for version in versions if CHAMPION in version.aliases]
    told = f"version {serving.version}, by tag {serving.tag}" if serving else "no version"
    is_same = [version.version for version in champions] == ([serving.version] if serving else [])
    moved = f"version {champions[0].version}" if champions else "no version"
    findings.compare(
        "alias",
        f"{name}@{CHAMPION}",
        expected=told,
        found=told if is_same else moved,
        remedy="the alias was moved by hand, or a promotion was cut off; `rsft reconcile` moves it "
        "to where the record has it",
    )


def has_champion(versions: Sequence[ModelVersion]) -> bool:
    """Whether MLflow's champion is among some versions."""
    return any(CHAMPION in version.aliases for version in versions)


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
        "model_md5": run.manifest["model"]["hash"],
        **{f"md5:{path}": md5 for path, md5 in hashes.items()},
    }


def _found(is_on_record: bool, is_in_mlflow: bool, tag: str) -> str:
    if is_on_record and is_in_mlflow:
        return f"on record as tag {tag}, and in MLflow"
    return "on record alone" if is_on_record else "in MLflow alone"
