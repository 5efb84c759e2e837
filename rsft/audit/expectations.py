"""Whether the verdict on accepted rows speaks of the rows that were accepted."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from rsft.audit.case import Case
from rsft.audit.findings import Findings
from rsft.audit.rows import count
from rsft.errors import LineageError
from rsft.lineage import Cache

_VERDICT = "validation/verdict.json"
_REMEDY = "the verdict is of other rows than were trained on; run again"


def check_expectations(case: Case, cache: Cache, findings: Findings) -> None:
    """Holds the verdict of each round against its tables, and the manifest against the verdict."""
    claimed = case.run.manifest.get("expectations", {})
    for stage in case.stages.values():
        for out in stage.outs:
            folder = PurePosixPath(out)
            if folder.name == "validation":
                _check_round(case, cache, folder.parent, claimed.get(folder.parent.name), findings)


def _check_round(
    case: Case, cache: Cache, folder: PurePosixPath, claimed: Any, findings: Findings
) -> None:
    path = str(folder / _VERDICT)
    verdict = _read(case, path)
    if verdict is None:
        return  # that it is lost or damaged is a finding of the objects
    what = f"{case.run.tag}: {path}"
    for figure, table in (("rows", "accepted"), ("candidates", "decisions")):
        counted = count(case, cache, str(folder / table))
        if counted is not None and "stopped" not in verdict:
            findings.compare(
                "expectations",
                f"{what}: {figure} judged, of {table}",
                expected=counted,
                found=verdict.get(figure),
                remedy=_REMEDY,
            )
    findings.compare(
        "expectations",
        f"{what}: success",
        expected=not verdict.get("failed"),
        found=verdict.get("success"),
        remedy=_REMEDY,
    )
    if claimed is not None:
        _check_claim(case, folder, claimed, verdict, findings)


def _check_claim(
    case: Case,
    folder: PurePosixPath,
    claimed: Mapping[str, Any],
    verdict: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Holds what the manifest says of a verdict against the verdict, and its hash against it."""
    made = {
        "success": verdict.get("success"),
        "evaluated": verdict.get("evaluated"),
        "hash": case.hash(claimed["path"]),
    }
    for figure, expected in made.items():
        findings.compare(
            "expectations",
            f"{case.run.tag}: {figure} of the verdict of {folder} in the manifest",
            expected=expected,
            found=claimed.get(figure),
            remedy="the manifest was edited; `rsft replay` shows which is true",
        )


def _read(case: Case, path: str) -> dict[str, Any] | None:
    try:
        md5 = case.hash(path)
        content = case.datasets.read(md5) if md5 else None
        document: dict[str, Any] | None = json.loads(content) if content else None
    except (LineageError, ValueError):
        return None
    return document
