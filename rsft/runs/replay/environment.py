"""What of a run's environment is another here."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from rsft.lineage import RunRecord
from rsft.runs.replay.records import Changed


def environment_changes(run: RunRecord) -> list[Changed]:
    """What of the run's environment is another here: it may well give other roundings."""
    then = run.manifest["environment"]
    packages = {name: (old, _installed(name)) for name, old in then["packages"].items()}
    pairs = {
        "python": (then["python"], platform.python_version()),
        "platform": (then["platform"], platform.platform()),
        **packages,
    }
    changes = [
        Changed(what=what, then=old, now=new) for what, (old, new) in pairs.items() if old != new
    ]
    if (cores := os.cpu_count() or 1) < then["threads"]:
        changes.append(Changed(what="threads", then=str(then["threads"]), now=f"{cores} cores"))
    return changes


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
