"""The folder that a replay works in: what lies there, and whether it is what the run recorded."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

from rsft.errors import LineageError
from rsft.lineage import Cache, OutRecord, RunRecord, Workspace
from rsft.lineage.trees import Contents, contents_of, put_back, write_tree
from rsft.runs.replay.differences import difference
from rsft.runs.replay.records import FileDifference, OutReplay

_SETTING = re.compile(r"[^/]+\.yaml:.+")
"""A dependency on a setting, which is a text and no file."""


class Folder:
    """A folder with the files of a run's tag, what ``dvc add`` versions among them."""

    def __init__(self, workspace: Workspace, run: RunRecord, folder: Path) -> None:
        self._workspace = workspace
        self._stages = run.stages
        self._folder = folder
        self._cache = Cache(workspace)
        self._outs = {
            path: out for stage in run.stages.values() for path, out in stage.outs.items()
        }
        self._there: dict[str, str] = {}
        write_tree(workspace, run.commit, folder)
        _pull_pointers(self._cache, folder)

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

    def _compared(self, path: str, out: OutRecord) -> OutReplay:
        found = contents_of(self._folder / path, self._folder)
        if found is not None:
            self._there[path] = found.hash
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
        if not self._cache.object(recorded).exists():
            yield FileDifference(
                path="", how="how is not known: the cache does not hold the record"
            )
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
        recorded = self._cache.object(before)
        if not recorded.exists():
            return "how is not known: the cache does not hold the record"
        return difference(file.suffix, recorded, file)

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
        if put_back(self._cache, recorded, rebuilt):
            self._there[path] = recorded
            _remove(aside)
            return True
        if there is None:
            raise LineageError(
                f"stage {name!r}: its input {path} ({recorded}) is not in the cache; `dvc fetch` "
                "may bring it, or replay the stage that makes it, too"
            )
        aside.rename(rebuilt)
        return False

    def _require(self, name: str, path: str, recorded: str) -> None:
        """Has code and what the user brought be what the run read."""
        found = contents_of(self._folder / path, self._folder)
        if found is None or found.hash != recorded:
            own = contents_of(self._workspace.root / path, self._workspace.root)
            if own is None or own.hash != recorded:
                raise _no_longer(name, path, recorded, found)
            _remove(self._folder / path)
            _copy(self._workspace.root / path, self._folder / path, own)
        self._there[path] = recorded


def _pull_pointers(cache: Cache, folder: Path) -> None:
    """Puts in place what pointers of ``dvc add`` name, as far as the cache holds it."""
    for pointer in [file for file in folder.rglob("*.dvc") if file.is_file()]:
        for out in YAML(typ="safe").load(pointer)["outs"]:
            target = pointer.parent / out["path"]
            if not target.exists():
                put_back(cache, out["md5"], target)


def _copy(source: Path, target: Path, contents: Contents) -> None:
    for member in contents.members:
        file = target / member.path if member.path else target
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / member.path if member.path else source, file)


def _overlap(path: str, other: str) -> bool:
    """Whether one is the other, or lies in it."""
    one, two = Path(path), Path(other)
    return one.is_relative_to(two) or two.is_relative_to(one)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _no_longer(name: str, path: str, recorded: str, found: Contents | None) -> LineageError:
    here = found.hash if found else "nothing"
    return LineageError(
        f"stage {name!r} read {path} as {recorded}, but the run's tag has {here} there and this "
        "checkout has another, too: put back what it was (data/raw is what you bring), or let "
        "`rsft audit` tell what is wrong with the tag"
    )
