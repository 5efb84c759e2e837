"""A run under audit: what its tag pins, and the data sets that it names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from rsft.audit.findings import Findings
from rsft.errors import LineageError
from rsft.lineage import (
    LockedStage,
    RunRecord,
    StageRecord,
    Store,
    Trees,
    is_folder,
    is_object,
    load_yaml,
    md5_of,
    parse_lock,
    parse_members,
)

SETTINGS = "params.yaml:"
"""What a dependency on a setting begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A run under audit."""

    run: RunRecord
    """Its tag and manifest."""
    stages: Mapping[str, StageRecord]
    """Its stages, as the manifest has them."""
    lock: Mapping[str, LockedStage]
    """The stages of the tag's ``dvc.lock``."""
    settings: Mapping[str, Any]
    """The tag's ``params.yaml``."""
    outs: Mapping[str, str]
    """Hash by path of all outputs, and of what the user brought, which is kept beside them."""
    datasets: "DataSets"
    """What is in them."""

    def maker(self, path: str) -> str | None:
        """The output that a path is, or lies in; null where no stage made it."""
        outs = self.outs
        return next((o for o in outs if path == o or path.startswith(f"{o}/")), None)

    def hash(self, path: str) -> str | None:
        """Hash of an output, or of a file in one; null where that has none such.

        Raises:
            LineageError: Where no store has a sound list of the output's files.
        """
        out = self.maker(path)
        if out is None or out == path:
            return self.outs.get(path)
        return self.datasets.files(self.outs[out]).get(path.removeprefix(f"{out}/"))


class DataSets:
    """Lists of folders' files, from wherever a sound one lies."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores
        self.files = cache(self._files)

    def read(self, md5: str) -> bytes | None:
        """An object's content, or None where no store has a sound one."""
        for store in self._stores:
            try:
                with store.open(md5) as content:
                    found = content.read()
            except Exception:  # noqa: BLE001, S112  # each file system has errors of its own
                continue  # that it cannot be read is a finding of the objects
            if md5_of(found) == md5.removesuffix(".dir"):
                return found
        return None

    def _files(self, md5: str) -> Mapping[str, str]:
        """Hash by path of a data set's files, that of a single file being ``""``.

        Raises:
            LineageError: Where no store has a sound list of them.
        """
        if not is_folder(md5):
            return {"": md5}
        content = self.read(md5)
        if content is None:
            raise LineageError(f"no sound list of the files of data set {md5} is left")
        return {member.path: member.hash for member in parse_members(content, name=md5)}


def open_case(run: RunRecord, trees: Trees, datasets: DataSets, findings: Findings) -> Case | None:
    """What a run's tag pins; null where that is no run's, which is a finding."""
    try:
        stages = run.stages
        lock = parse_lock(_pinned(run, trees, "dvc.lock"), name=f"dvc.lock in {run.tag}")
        settings = load_yaml(_pinned(run, trees, "params.yaml"))
        outs = {path: out.hash for stage in stages.values() for path, out in stage.outs.items()}
        outs |= {path: given["hash"] for path, given in run.manifest["inputs"].items()}
        _require_hashes(outs)
    except (LineageError, ValueError, KeyError, TypeError, AttributeError) as error:
        findings.add(
            "lock",
            run.tag,
            expected="a manifest, a dvc.lock and a params.yaml of a run",
            found=str(error) or type(error).__name__,
            remedy="the tag is not what `rsft run` wrote; `git fetch --tags --force` from a sound "
            "copy brings it back",
        )
        return None
    return Case(run=run, stages=stages, lock=lock, settings=settings, outs=outs, datasets=datasets)


def model_hash(run: RunRecord) -> str | None:
    """Hash of a run's model; None where its manifest, which may be anything, has none."""
    model = run.manifest.get("model")
    made = model.get("hash") if isinstance(model, Mapping) else None
    return made if isinstance(made, str) and is_object(made) else None


def _pinned(run: RunRecord, trees: Trees, path: str) -> bytes:
    content = trees.read(run.commit, path)
    if content is None:
        raise LineageError(f"no {path} in the tag's tree")
    return content


def _require_hashes(outs: Mapping[str, str]) -> None:
    """What a tag says may be anything; as a hash it becomes a path."""
    for path, md5 in outs.items():
        if not is_object(md5):
            raise LineageError(f"{path} has {md5!r} for a hash")
