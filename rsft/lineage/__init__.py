"""What proves where data came from: the only part that knows DVC and git.

``Workspace`` is the checkout a run works in, ``Pipeline`` its stages; ``tag_run`` pins a run by a
tag, ``read_run`` and ``read_runs`` tell what such tags say, ``read_record`` what became of models;
``Cache`` holds data sets by hash, ``hash_objects`` proves what a store of them holds, ``Trees``
says what commits pin and ``read_purges`` what was deleted on purpose.
"""

from rsft.lineage.cache import Cache, Member, is_folder, is_object, parse_members
from rsft.lineage.hashing import Hashed, hash_objects, md5_of
from rsft.lineage.lock import LockedStage, parse_lock
from rsft.lineage.pipeline import OutRecord, Pipeline, StageRun
from rsft.lineage.purges import PurgeRecord, read_purges
from rsft.lineage.record import Entry, in_service, read_record
from rsft.lineage.runs import RunRecord, StageRecord, read_run, read_runs
from rsft.lineage.snapshot import Snapshot, tag_run
from rsft.lineage.stores import CACHE, ObjectFolder, PlainFolder, Store, open_stores
from rsft.lineage.tree import Trees, folder_md5
from rsft.lineage.workspace import Workspace
from rsft.lineage.yaml12 import load_yaml

__all__ = [
    "CACHE",
    "Cache",
    "Entry",
    "Hashed",
    "LockedStage",
    "Member",
    "ObjectFolder",
    "OutRecord",
    "Pipeline",
    "PlainFolder",
    "PurgeRecord",
    "RunRecord",
    "Snapshot",
    "StageRecord",
    "StageRun",
    "Store",
    "Trees",
    "Workspace",
    "folder_md5",
    "hash_objects",
    "in_service",
    "is_folder",
    "is_object",
    "load_yaml",
    "md5_of",
    "open_stores",
    "parse_lock",
    "parse_members",
    "read_purges",
    "read_record",
    "read_run",
    "read_runs",
    "tag_run",
]
