"""What proves where data came from: the only part that knows DVC and git.

``Workspace`` is the checkout a run works in, ``Pipeline`` its stages; ``tag_run`` pins a run by a
tag, ``read_run`` and ``read_runs`` tell what such tags say; ``Cache`` holds data sets by hash.
"""

from rsft.lineage.cache import Cache, Member
from rsft.lineage.pipeline import OutRecord, Pipeline, StageRun
from rsft.lineage.runs import RunRecord, StageRecord, read_run, read_runs
from rsft.lineage.snapshot import Snapshot, tag_run
from rsft.lineage.workspace import Workspace

__all__ = [
    "Cache",
    "Member",
    "OutRecord",
    "Pipeline",
    "RunRecord",
    "Snapshot",
    "StageRecord",
    "StageRun",
    "Workspace",
    "read_run",
    "read_runs",
    "tag_run",
]
