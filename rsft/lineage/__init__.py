"""What proves where data came from: the only part that knows DVC and git.

``Workspace`` is the checkout a run works in, ``Pipeline`` its stages; ``tag_run`` pins a run by a
tag, ``read_run`` and ``read_runs`` tell what such tags say; ``read_record`` tells what became of
models, and ``record_registration`` and its like write it; ``Cache`` holds data sets by hash.
"""

from rsft.lineage.cache import Cache, Member
from rsft.lineage.links import link_dataset
from rsft.lineage.pipeline import OutRecord, Pipeline, StageRun
from rsft.lineage.record import (
    Entry,
    before_champion,
    contending,
    in_service,
    missing_entries,
    read_record,
)
from rsft.lineage.recording import (
    record_promotion,
    record_registration,
    record_rollback,
    record_verdict,
)
from rsft.lineage.runs import RunRecord, StageRecord, read_run, read_runs, read_tagged
from rsft.lineage.snapshot import Snapshot, tag_run
from rsft.lineage.workspace import Workspace

__all__ = [
    "Cache",
    "Entry",
    "Member",
    "OutRecord",
    "Pipeline",
    "RunRecord",
    "Snapshot",
    "StageRecord",
    "StageRun",
    "Workspace",
    "before_champion",
    "contending",
    "in_service",
    "link_dataset",
    "missing_entries",
    "read_record",
    "read_run",
    "read_runs",
    "read_tagged",
    "record_promotion",
    "record_registration",
    "record_rollback",
    "record_verdict",
    "tag_run",
]
