"""The folder that a replay works in: what lies there, and whether it is what the run recorded."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rsft.errors import LineageError
from rsft.lineage import (
    Cache,
    Fetcher,
    Member,
    OutRecord,
    RunRecord,
    Workspace,
    keep_dataset,
    read_purged,
)
from rsft.lineage.trees import Contents, contents_of, put_back, write_tree
from rsft.runs.replay.differences import difference
from rsft.runs.replay.records import FileDifference, OutReplay

_UNKNOWN = "how is not known: neither the cache nor the remote has the record"

_SETTING = re.compile(r"[^/]+\.yaml:.+")
"""A dependency on a setting, which is a text and no file."""


class Folder:
    """A folder with the files of a run's tag."""

    def __init__(self, workspace: Workspace, run: RunRecord, folder: Path) -> None:
        self._stages = run.stages
        self._folder = folder
        self._cache = Cache(workspace)
        self._outs = {
            path: out for stage in run.stages.values() for path, out in stage.outs.items()
        }
        self._fetcher = Fetcher(workspace)
        self._purged = read_purged(workspace)
        self._members: dict[str, Sequence[Member]] = {}
        self._there: dict[str, str] = {}
        write_tree(workspace, run.commit, folder)

    def prepare(self, name: str) -> list[str]:
        """Has a stage find its dependencies as they were recorded, and none of its outputs.

        Returns:
            Those that are not as recorded, for the reason that ``StageReplay.on_rebuilt`` gives.
        """
        stage = self._stages[name]
        for path in stage.outs:
            _remove(self._folder / path)
        deps = {path: md5 for path, md5 in stage.deps.items() if not _SETTING.fullmatch(path)}
        made = {path for path in self._outs if any(_overlap(path, dep) for dep in deps)}
        otherwise = [path for path in sorted(made) if not self._restore(name, path)]
        for path, md5 in deps.items():
            if not any(_overlap(path, out) for out in made) and self._there.get(path) != md5:
                self._require(name, path, md5)
        return otherwise

    def compare(self, name: str) -> list[OutReplay]:
        """What a stage left, beside what was recorded."""
        return [self._compared(path, out) for path, out in self._stages[name].outs.items()]

    def keep(self, outs: Sequence[OutReplay]) -> int:
        """Has the cache hold again what it lacks of outputs that are as recorded.

        Returns:
            How many objects it lacked.
        """
        return sum(
            keep_dataset(
                self._cache,
                self._folder / out.path,
                out.recorded,
                self._members[out.path],
                self._purged,
            )
            for out in outs
            if out.rebuilt == out.recorded
        )

    def _compared(self, path: str, out: OutRecord) -> OutReplay:
        found = contents_of(self._folder / path, self._folder)
        if found is not None:
            self._there[path], self._members[path] = found.hash, found.members
        is_same = found is not None and found.hash == out.hash
        return OutReplay(
            path=path,
            recorded=out.hash,
            rebuilt=found.hash if found else None,
            differences=[] if is_same else list(self._differences(path, out.hash, found)),
        )

    def _differences(
        self, path: str, recorded: str, found: Contents | None
    ) -> Iterator[FileDifference]:
        if found is None:
            yield FileDifference(path="", how="was not made")
            return
        if not self._is_had(recorded):
            yield FileDifference(path="", how=_UNKNOWN)
            return
        before = {member.path: member.hash for member in self._cache.members(recorded)}
        after = {member.path: member.hash for member in found.members}
        for file in sorted(before.keys() | after.keys()):
            if before.get(file) != after.get(file):
                how = self._how(self._folder / path / file, before.get(file), after.get(file))
                yield FileDifference(path=file, how=how)

    def _how(self, file: Path, before: str | None, after: str | None) -> str:
        if before is None or after is None:
            return "was not made" if after is None else "was not there"
        if not self._is_had(before):
            return _UNKNOWN
        return difference(file.suffix, self._cache.object(before), file)

    def _is_had(self, md5: str) -> bool:
        """Whether an object is in the cache or can be brought there; a remote may be away."""
        with suppress(LineageError):
            return self._fetcher.has(md5)
        return False

    def _restore(self, name: str, path: str) -> bool:
        """Puts an earlier stage's output in place as it was recorded; whether it is."""
        recorded, there = self._outs[path].hash, self._there.get(path)
        if there == recorded:
            return True
        rebuilt = self._folder / path
        aside = self._folder / ".rsft" / "aside"
        if there is not None:
            rebuilt.rename(aside)
        _remove(rebuilt)  # of a stage that failed
        if self._put_back(recorded, rebuilt):
            self._there[path] = recorded
            _remove(aside)
            return True
        if there is None:
            raise self._not_to_be_had(name, path, recorded)
        aside.rename(rebuilt)
        return False

    def _require(self, name: str, path: str, recorded: str) -> None:
        """Has code and what the user brought be what the run read."""
        target = self._folder / path
        found = contents_of(target, self._folder)
        if found is None or found.hash != recorded:
            _remove(target)
            if not self._put_back(recorded, target):
                raise self._not_to_be_had(name, path, recorded)
        self._there[path] = recorded

    def _put_back(self, recorded: str, target: Path) -> bool:
        """Writes a data set from the cache, with what the remote has of it; whether all is there.

        Raises:
            LineageError: Where an object is not what its name says.
        """
        if not self._fetcher.has(recorded):
            return False
        lacking = {member.hash for member in self._cache.members(recorded)} - self._purged.keys()
        return all(map(self._fetcher.has, lacking)) and put_back(self._cache, recorded, target)

    def _not_to_be_had(self, name: str, path: str, recorded: str) -> LineageError:
        read = f"stage {name!r} read {path} as {recorded}, which"
        is_listed = self._cache.object(recorded).exists()
        members = self._cache.members(recorded) if is_listed else []
        for md5 in (recorded, *(member.hash for member in members)):
            if md5 in self._purged:
                return LineageError(
                    f"{read} was purged, as the tag {self._purged[md5]} says: that stage can no "
                    "longer be replayed"
                )
        return LineageError(
            f"{read} is neither in the run's tag, the cache nor the remote; `rsft audit` tells "
            "what is lost"
        )


def _overlap(path: str, other: str) -> bool:
    """Whether one is the other, or lies in it."""
    one, two = Path(path), Path(other)
    return one.is_relative_to(two) or two.is_relative_to(one)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
