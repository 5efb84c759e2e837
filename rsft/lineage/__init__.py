"""What proves where data came from: the only part that knows DVC and git.

``Workspace`` is the checkout a run works in, ``Pipeline`` its stages. ``tag_run`` pins a run by a
tag, ``push_owed`` pushes data, and ``read_runs`` tells what such tags say. What became of models is
written by ``record_registration`` and its like, and read by ``read_record``; ``purge_objects``
deletes data sets for good, and ``read_purges`` tells which. ``Cache`` holds data sets by hash,
``hash_objects`` proves what a store of them holds, and ``Trees`` says what commits pin;
``source_of`` says where others find the code.
"""

from rsft.lineage.additions import ADDITIONS, Addition, Refusal, read_additions, write_addition
from rsft.lineage.cache import Cache, Member, is_folder, is_object, parse_members
from rsft.lineage.changes import unparsed
from rsft.lineage.fetching import Fetcher, keep_bytes, keep_dataset
from rsft.lineage.hashing import Hashed, file_md5, hash_objects, md5_of
from rsft.lineage.inputs import fetch_pointed, pointed_at, pointer_of, version_input
from rsft.lineage.inside import glob_inside
from rsft.lineage.links import link_dataset
from rsft.lineage.lock import LockedStage, parse_lock
from rsft.lineage.naming import named_objects, with_members
from rsft.lineage.pipeline import OutRecord, Pipeline, StageRun
from rsft.lineage.purges import PurgeRecord, read_purges
from rsft.lineage.purging import Deleted, purge_objects, read_purged, read_rests
from rsft.lineage.record import (
    Entry,
    before_champion,
    contending,
    in_service,
    missing_entries,
    numbered_entries,
    read_record,
)
from rsft.lineage.recording import (
    record_promotion,
    record_registration,
    record_rollback,
    record_verdict,
)
from rsft.lineage.remote import Push, owe_push, owed_runs, push_owed
from rsft.lineage.repository import without_dvc
from rsft.lineage.room import told_where_full
from rsft.lineage.runcache import read_run_cache
from rsft.lineage.runs import (
    RunRecord,
    StageRecord,
    latest_runs,
    read_files,
    read_run,
    read_runs,
    read_tagged,
    spoilt_runs,
)
from rsft.lineage.snapshot import Snapshot, tag_run
from rsft.lineage.source import Source, source_of
from rsft.lineage.stores import (
    CACHE,
    ObjectFolder,
    ObjectStore,
    PlainFolder,
    Store,
    forget_pushed,
    open_cache,
    open_stores,
)
from rsft.lineage.tree import Trees, folder_md5
from rsft.lineage.workspace import Workspace
from rsft.lineage.worktrees import (
    hold_checkouts,
    is_edited,
    list_worktrees,
    quit_worktree,
    remove_worktree,
    uncommitted,
)
from rsft.lineage.yaml12 import load_yaml

__all__ = [
    "ADDITIONS",
    "CACHE",
    "Addition",
    "Cache",
    "Deleted",
    "Entry",
    "Fetcher",
    "Hashed",
    "LockedStage",
    "Member",
    "ObjectFolder",
    "ObjectStore",
    "OutRecord",
    "Pipeline",
    "PlainFolder",
    "PurgeRecord",
    "Push",
    "Refusal",
    "RunRecord",
    "Snapshot",
    "Source",
    "StageRecord",
    "StageRun",
    "Store",
    "Trees",
    "Workspace",
    "before_champion",
    "contending",
    "fetch_pointed",
    "file_md5",
    "folder_md5",
    "forget_pushed",
    "glob_inside",
    "hash_objects",
    "hold_checkouts",
    "in_service",
    "is_edited",
    "is_folder",
    "is_object",
    "keep_bytes",
    "keep_dataset",
    "latest_runs",
    "link_dataset",
    "list_worktrees",
    "load_yaml",
    "md5_of",
    "missing_entries",
    "named_objects",
    "numbered_entries",
    "open_cache",
    "open_stores",
    "owe_push",
    "owed_runs",
    "parse_lock",
    "parse_members",
    "pointed_at",
    "pointer_of",
    "purge_objects",
    "push_owed",
    "quit_worktree",
    "read_additions",
    "read_files",
    "read_purged",
    "read_purges",
    "read_record",
    "read_rests",
    "read_run",
    "read_run_cache",
    "read_runs",
    "read_tagged",
    "record_promotion",
    "record_registration",
    "record_rollback",
    "record_verdict",
    "remove_worktree",
    "source_of",
    "spoilt_runs",
    "tag_run",
    "told_where_full",
    "uncommitted",
    "unparsed",
    "version_input",
    "with_members",
    "without_dvc",
    "write_addition",
]
