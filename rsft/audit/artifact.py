"""Whether what MLflow would serve is what was registered, file by file.

The policy is the model that the run made. What lies beside it in MLflow's model, its description
and the code that is run where it is loaded, is as a list in it says, whose hash is on record.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from rsft.audit.files import files_below, hash_files
from rsft.audit.findings import Findings
from rsft.lineage import md5_of
from rsft.registry import PACKAGE_FILES, package_files
from rsft.types import Progress

_REMEDY = (
    "do not serve it: promote another version, and register this model anew under another name"
)


def check_artifact(
    version: str, policy: Path, made: Mapping[str, str], findings: Findings, progress: Progress
) -> None:
    """Hashes the files of a registered policy.

    Args:
        version: What people call it, such as ``rsft/3``.
        policy: Its folder in MLflow's store.
        made: MD5 by path of the files that the run made.
        findings: Where it is told.
        progress: Told how many are done.
    """
    place = f"registry, {version}"
    hashed = hash_files(place, policy, files_below(policy), findings, progress)
    _compare(version, policy, made, hashed, findings)


def check_package(
    version: str, model: Path, recorded: str | None, findings: Findings, progress: Progress
) -> None:
    """Hashes what lies beside the policy in a registered model.

    Args:
        version: What people call it, such as ``rsft/3``.
        model: MLflow's model, a folder.
        recorded: MD5 of the list of its files, as it was registered.
        findings: Where it is told.
        progress: Told how many are done.
    """
    try:
        listing = (model / PACKAGE_FILES).read_bytes()
    except OSError:
        listing = b""
    findings.compare(
        "artifact",
        f"{version}: {PACKAGE_FILES} in {model}",
        expected=recorded,
        found=md5_of(listing) if listing else None,
        remedy=_REMEDY,
    )
    if md5_of(listing) != recorded:
        return  # what it says of others is worth nothing
    listed: Mapping[str, str] = json.loads(listing)
    hashed = hash_files(f"registry, {version}", model, package_files(model), findings, progress)
    _compare(version, model, listed, hashed, findings)


def _compare(
    version: str,
    folder: Path,
    wanted: Mapping[str, str],
    hashed: Mapping[str, str | None],
    findings: Findings,
) -> None:
    """Holds the files of a folder against their list, by the MD5 of each path."""
    found = {path: md5 or "what cannot be read" for path, md5 in hashed.items()}
    for path in sorted(wanted.keys() | found.keys()):
        findings.compare(
            "artifact",
            f"{version}: {path} in {folder}",
            expected=wanted.get(path),
            found=found.get(path),
            remedy=_REMEDY,
        )
