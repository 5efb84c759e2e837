"""Whether the policy that MLflow would serve is the model that the run made, file by file.

What lies beside it in MLflow's model, ``MLmodel`` and the folder ``code``, is not compared.
"""

from collections.abc import Mapping
from pathlib import Path

from rsft.audit.files import files_below, hash_files
from rsft.audit.findings import Findings
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
    for path in sorted(made.keys() | hashed.keys()):
        findings.compare(
            "artifact",
            f"{version}: {path} in {policy}",
            expected=made.get(path),
            found=hashed.get(path),
            remedy=_REMEDY,
        )
