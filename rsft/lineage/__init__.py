"""What proves where data came from: the only part that knows DVC and git.

``Workspace`` is the checkout a run works in, ``Pipeline`` its stages; ``tag_run`` pins a run by a
tag, ``read_run`` and ``read_runs`` tell what such tags say, ``read_record`` what became of models;
``Cache`` holds data sets by hash, and ``purge_objects`` deletes some for good.
"""

from rsft.lineage.cache import Cache, Member
from rsft.lineage.pipeline import OutRecord, Pipeline, StageRun
from rsft.lineage.purges import PurgeRecord, read_purges
from rsft.lineage.purging import Deleted, list_worktrees, purge_objects, read_purged
from rsft.lineage.record import Entry, in_service, read_record
from rsft.lineage.runs import RunRecord, StageRecord, read_files, read_run, read_runs
from rsft.lineage.snapshot import Snapshot, tag_run
from rsft.lineage.workspace import Workspace

__all__ = [
    "Cache",
    "Deleted",
    "Entry",
    "Member",
    "OutRecord",
    "Pipeline",
    "PurgeRecord",
    "RunRecord",
    "Snapshot",
    "StageRecord",
    "StageRun",
    "Workspace",
    "in_service",
    "list_worktrees",
    "purge_objects",
    "read_files",
    "read_purged",
    "read_purges",
    "read_record",
    "read_run",
    "read_runs",
    "tag_run",
]
