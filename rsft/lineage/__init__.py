"""What proves where data came from: the only part that knows DVC and git.

``Workspace`` is the checkout a run works in, ``Pipeline`` its stages; ``tag_run`` pins a run by a
tag, ``read_run`` and ``read_runs`` tell what such tags say, ``read_record`` what became of models;
``Cache`` holds data sets by hash; ``source_of`` says where others find the code.
"""

from rsft.lineage.cache import Cache, Member
from rsft.lineage.pipeline import OutRecord, Pipeline, StageRun
from rsft.lineage.record import Entry, in_service, read_record
from rsft.lineage.runs import RunRecord, StageRecord, read_run, read_runs
from rsft.lineage.snapshot import Snapshot, tag_run
from rsft.lineage.source import Source, source_of
from rsft.lineage.workspace import Workspace

__all__ = [
    "Cache",
    "Entry",
    "Member",
    "OutRecord",
    "Pipeline",
    "RunRecord",
    "Snapshot",
    "Source",
    "StageRecord",
    "StageRun",
    "Workspace",
    "in_service",
    "read_record",
    "read_run",
    "read_runs",
    "source_of",
    "tag_run",
]
