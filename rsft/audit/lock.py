"""Whether what a run says of itself is what its ``dvc.lock`` records, and whether it is marked."""

from collections.abc import Mapping
from typing import Any

from rsft.audit.case import SETTINGS, Case
from rsft.audit.findings import Findings
from rsft.lineage import LockedStage, OutRecord, StageRecord

_REMEDY = "one of the two was edited; `rsft replay` shows which is true"


def check_lock(case: Case, findings: Findings) -> None:
    """Holds the manifest against the lock, stage by stage."""
    tag = case.run.tag
    findings.compare(
        "lock",
        f"{tag}: run_id in the manifest",
        expected=case.run.run_id,
        found=case.run.manifest.get("run_id"),
        remedy="the tag was renamed, or holds another run's manifest",
    )
    for name, stage in case.stages.items():
        locked = case.lock.get(name)
        if locked is None:
            findings.compare(
                "lock",
                f"{tag}: stage {name}",
                expected="in dvc.lock, as in the manifest",
                found="in the manifest alone",
                remedy=_REMEDY,
            )
            continue
        recorded, claimed = _facts(locked), _claims(stage)
        for path in sorted(recorded.keys() | claimed.keys()):
            findings.compare(
                "lock",
                f"{tag}: stage {name}, {path}: manifest against dvc.lock",
                expected=recorded.get(path),
                found=claimed.get(path),
                remedy=_REMEDY,
            )


def check_marked(case: Case, findings: Findings) -> None:
    """Whether code, settings or inputs changed while it ran."""
    changed = case.run.manifest.get("changed", ())
    findings.compare(
        "marked",
        f"{case.run.tag}: files that changed while it ran",
        expected="none",
        found=", ".join(changed) or "none",
        remedy="what ran cannot be proven; run again",
    )


def _facts(stage: LockedStage) -> dict[str, Any]:
    """What a lock records of a stage, as far as a manifest repeats it."""
    return {
        **{f"dependency {path}": dep.hash for path, dep in stage.deps.items()},
        **{f"setting {key}": repr(value) for key, value in stage.params.items()},
        **{f"output {path}": _told(out) for path, out in stage.outs.items()},
    }


def _claims(stage: StageRecord) -> Mapping[str, Any]:
    deps = {
        f"setting {path}" if path.startswith(SETTINGS) else f"dependency {path}": value
        for path, value in stage.deps.items()
    }
    return deps | {f"output {path}": _told(out) for path, out in stage.outs.items()}


def _told(out: OutRecord) -> str:
    return f"{out.hash} ({out.files} files, {out.size} bytes)"
