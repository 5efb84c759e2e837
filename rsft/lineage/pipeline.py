"""The stages of ``dvc.yaml``, run in process and recorded as ``dvc repro`` would record them.

    hash dependencies ─► reuse? ─► else remove old outputs ─► call ─► hash again ─► same? ─► commit

DVC hashes dependencies when it saves, after the stage ran: a file edited meanwhile would be
recorded as what the stage had read. Here they are hashed before and after, a difference is an
error, and only then does the run-cache learn of the result (``Stage.save`` would tell it first).
``dvc.lock`` is written once, at the end: each writing parses the whole file, a quarter of a second.
A run that is killed before loses nothing, for the run-cache knows its stages.
Code and settings are compared with those at the start too (``changes``): modules are imported and
settings read once, so what was edited since is not what runs.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from rsft.addresses import one_line
from rsft.errors import LineageError, WorkspaceError
from rsft.lineage.changes import Baseline, code_files, require_parsing
from rsft.lineage.hashing import file_md5
from rsft.lineage.repository import drop_torn_locks, open_repository
from rsft.lineage.room import no_room, told_where_full
from rsft.lineage.workspace import LOCK, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class OutRecord:
    """An output as it is recorded."""

    hash: str
    """DVC's MD5; a folder's ends in ``.dir``."""
    size: int
    """Bytes."""
    files: int
    """Files; 1 where it is a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """What became of a stage."""

    name: str
    """Its name in ``dvc.yaml``, such as ``generate@1``."""
    state: Literal["reused", "ran"]
    """Whether its outputs were there already, in the workspace or the cache."""
    seconds: float
    """Time it took, hashing and committing included."""
    deps: Mapping[str, str]
    """Hash by path of each dependency."""
    outs: Mapping[str, OutRecord]
    """Record by path of each output."""


class Pipeline:
    """The stages of a workspace, as a context that ends by writing ``dvc.lock``.

    The current folder must be its top.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Opens DVC's repository, reads its stages, and hashes the code as it is now.

        Raises:
            WorkspaceError: Where there is no DVC repository.
            LineageError: Where ``dvc.yaml`` cannot be read, or a file of code is no Python.
        """
        assert Path.cwd() == workspace.root.resolve(), "DVC resolves paths against this folder"
        require_parsing(workspace.root)
        self._repo = open_repository(workspace)
        drop_torn_locks(self._repo)
        if _aside(workspace).exists():  # killed while it wrote the lock
            _aside(workspace).replace(workspace.root / LOCK)
        self._stages = self._load_stages()
        self._unwritten: list[Any] = []
        self._workspace = workspace
        self._start = Baseline(workspace.root, self._input_files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.write_lock()

    def command(self, name: str) -> str:
        """The command that DVC records for a stage."""
        return str(self._stage(name).cmd)

    def run(self, name: str, function: Callable[[], None]) -> StageRun:
        """Reuses a stage's outputs, or makes and records them.

        Args:
            name: The stage.
            function: Makes its outputs, from its dependencies alone.

        Raises:
            LineageError: Where a dependency is missing, or changed while the function ran (code
                and settings: since this was opened), or an output is not there afterwards;
                nothing is recorded then.
        """
        started = time.perf_counter()
        stage = self._stage(name)
        try:
            with self._locked():
                is_reused = self._reuse(stage)
            if not is_reused:
                before = _hashes(stage)
                self._require_same_code(stage)
                with told_where_full(f"stage {name!r}", self._workspace.root / "data"):
                    function()
                with self._locked():
                    self._record(stage, before)
        except BaseException:
            self.write_lock()
            self._stages = {}  # it holds hashes of what was not recorded
            raise
        return StageRun(
            name=name,
            state="reused" if is_reused else "ran",
            seconds=time.perf_counter() - started,
            deps=_hashes(stage),
            outs={out.def_path: _record_of(out) for out in stage.outs},
        )

    def write_lock(self) -> None:
        """Writes what was recorded so far into ``dvc.lock``."""
        if self._unwritten:
            with self._locked(), self._lock_kept():
                self._unwritten[0].dvcfile.dump_stages(self._unwritten, update_pipeline=False)
            self._unwritten = []
            self._workspace.recorded.unlink(missing_ok=True)

    @contextmanager
    def _lock_kept(self) -> Iterator[None]:
        """Has ``dvc.lock``, which DVC writes in place, be written whole or stay as it is."""
        lock, aside = self._workspace.root / LOCK, _aside(self._workspace)
        half = aside.with_suffix(".tmp")
        with told_where_full(LOCK, lock):
            if lock.exists():
                shutil.copyfile(lock, half)
                half.replace(aside)
            try:
                yield
            except BaseException:
                lock.unlink(missing_ok=True)
                if aside.exists():
                    aside.replace(lock)
                raise
        aside.unlink(missing_ok=True)

    def code_changed(self) -> list[str]:
        """Files of code and settings that are not what they were when this was opened.

        Those too that were edited before, but after this process had imported them.
        """
        return sorted(self._start.code_changed())

    def changed(self) -> list[str]:
        """Those, and the files that the user brings which were touched since."""
        return sorted(self._start.code_changed() | self._start.inputs_changed())

    def require_unpurged(self, purged: Mapping[str, str]) -> None:
        """Refuses files of the user's that were purged: a run would keep them in the cache again.

        Args:
            purged: By hash of each object that was purged the tag that says so.

        Raises:
            LineageError: Where one is there still, or again.
        """
        for file in sorted(self._input_files()) if purged else ():
            tag = purged.get(file_md5(file))
            if tag is not None:
                raise LineageError(
                    f"{file.relative_to(self._workspace.root)} is what {tag} deleted; take out of "
                    "it what was to be forgotten, or remove it"
                )

    def keep_inputs(self) -> dict[str, OutRecord]:
        """Puts what the user brings into the cache, where a replay and the audit find it.

        Returns:
            Record by path of each; the hashes are those that the stages recorded of them.
        """
        from dvc_data.hashfile.build import build
        from dvc_data.hashfile.transfer import transfer

        cache, kept = self._repo.cache.local, {}
        with self._locked():
            for place in sorted(self._input_places()):
                top = str(self._workspace.root / place)
                staging, meta, found = build(
                    cache, top, self._repo.fs, "md5", ignore=self._repo.dvcignore
                )
                size = int(meta.size or 0)
                with told_where_full(place, Path(cache.path), size):
                    transfer(staging, cache, {found.hash_info}, shallow=False)
                    self._require_cached(place, [found], size)
                kept[place] = OutRecord(
                    hash=str(found.hash_info.value),
                    size=size,
                    files=int(meta.nfiles or 1),
                )
        return kept

    def _load_stages(self) -> dict[str, Any]:
        from dvc.exceptions import DvcException

        try:
            # All at once: resolving it anew for each stage took half of a run that reuses all.
            return {stage.name: stage for stage in self._repo.stage.load_all("dvc.yaml")}
        except DvcException as error:
            raise LineageError(f"dvc.yaml: {one_line(error)}") from None

    def _stage(self, name: str) -> Any:
        self._stages = self._stages or self._load_stages()
        if name not in self._stages:
            raise LineageError(f"dvc.yaml has no stage {name!r}; known: {', '.join(self._stages)}")
        return self._stages[name]

    def _reuse(self, stage: Any) -> bool:
        from dvc.exceptions import DvcException
        from dvc.stage.cache import RunCacheNotFoundError

        missing = [dep.def_path for dep in stage.deps if not dep.exists]
        if missing:
            raise LineageError(
                f"stage {stage.name!r}: {', '.join(missing)} is missing; restore it with git, or "
                "run the stage that makes it"
            )
        if not stage.changed():
            return True
        # Before anything comes back: DVC would ask before it replaced what a killed run left.
        stage.remove_outs()
        try:
            self._repo.stage_cache.restore(stage)
        except RunCacheNotFoundError:
            stage.save_deps()
            return False
        except DvcException as error:
            raise LineageError(f"stage {stage.name!r}: {one_line(error)}") from None
        self._record(stage, _hashes(stage))
        return True

    def _require_same_code(self, stage: Any) -> None:
        """Refuses to run code, or with settings, that were edited since this was opened."""
        deps = {dep.def_path for dep in stage.deps}
        edited = [
            path for path in self.code_changed() if deps & {path, *map(str, Path(path).parents)}
        ]
        if edited:
            raise LineageError(
                f"stage {stage.name!r}: {', '.join(edited)} changed since the run began, so its "
                "result could not be recorded; run again"
            )

    def _record(self, stage: Any, before: Mapping[str, str]) -> None:
        from dvc.exceptions import DvcException

        try:
            stage.save(run_cache=False)
        except DvcException as error:
            raise LineageError(f"stage {stage.name!r}: {one_line(error)}") from None
        after = _hashes(stage)
        changed = sorted(path for path in before if before[path] != after[path])
        if changed:
            raise LineageError(
                f"stage {stage.name!r}: {', '.join(changed)} changed while it ran, so its result "
                "is not recorded; run again"
            )
        size = sum(out.meta.size or 0 for out in stage.outs)
        with told_where_full(f"stage {stage.name!r}", Path(self._repo.cache.local.path), size):
            self._note(stage)
            stage.commit()
            self._require_cached(f"stage {stage.name!r}", [out.obj for out in stage.outs], size)
            self._repo.stage_cache.save(stage)
        self._unwritten.append(stage)

    def _require_cached(self, what: str, made: Sequence[Any], size: int) -> None:
        """Makes sure of what DVC says in its log alone: that a copy into the cache failed."""
        cache = self._repo.cache.local
        members = (info for one in made if one.hash_info.isdir for _, _, info in one)
        wanted = {info.value for info in (*(one.hash_info for one in made), *members)}
        if len(cache.oids_exist(list(wanted))) < len(wanted):
            raise no_room(what, Path(cache.path), size)

    def _note(self, stage: Any) -> None:
        """Names what a stage made until ``dvc.lock`` does; that is all a killed run leaves."""
        self._workspace.private.mkdir(exist_ok=True)
        with self._workspace.recorded.open("a", encoding="utf-8") as noted:
            noted.writelines(f"md5: {out.hash_info.value}\n" for out in stage.outs)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from dvc.lock import LockError

        try:
            with self._repo.lock:
                yield
        except LockError:
            raise WorkspaceError(
                f"another DVC command is at work in {self._workspace.root}; "
                "let it end and run again"
            ) from None

    def _input_files(self) -> Iterator[Path]:
        """What the user brings, file by file, as DVC sees it."""
        for place in self._input_places():
            top = self._workspace.root / place
            if top.is_dir():
                yield from map(Path, self._repo.dvcignore.find(self._repo.fs, str(top)))
            else:
                yield top

    def _input_places(self) -> set[str]:
        """What stages depend on and none makes, code and settings aside."""
        stages = (self._stages or self._load_stages()).values()
        made = {out.def_path for stage in stages for out in stage.outs}
        code = code_files(self._workspace.root)
        ours = {str(place) for file in code for place in (file, *file.parents)}
        given = {dep.def_path for stage in stages for dep in stage.deps} - ours
        return {path for path in given if not made & {path, *map(str, Path(path).parents)}}


def _aside(workspace: Workspace) -> Path:
    """Where the lock is kept while another is written."""
    return workspace.private / LOCK


def _hashes(stage: Any) -> dict[str, str]:
    """Hash by path of each dependency; settings by their file and section."""
    hashes: dict[str, str] = {}
    for dep in stage.deps:
        value = dep.hash_info.value
        if isinstance(value, dict):
            hashes |= {f"{dep.def_path}:{key}": repr(setting) for key, setting in value.items()}
        else:
            hashes[dep.def_path] = str(value)
    return hashes


def _record_of(out: Any) -> OutRecord:
    return OutRecord(
        hash=str(out.hash_info.value), size=int(out.meta.size or 0), files=int(out.meta.nfiles or 1)
    )
