"""What proves where data came from: the only part that knows DVC and git.

``Workspace`` is the checkout a run works in, ``Pipeline`` its stages, ``tag_run`` and ``read_run``
the tags that pin runs.
"""

from rsft.lineage.pipeline import OutRecord, Pipeline, StageRun
from rsft.lineage.snapshot import RunRecord, Snapshot, StageRecord, read_run, tag_run
from rsft.lineage.workspace import Workspace

__all__ = [
    "OutRecord",
    "Pipeline",
    "RunRecord",
    "Snapshot",
    "StageRecord",
    "StageRun",
    "Workspace",
    "read_run",
    "tag_run",
]
