"""Forward: through every recorded run to all data sets and models that have something of a prompt.

A run all of whose prompts are others has nothing of it, for everything is made from its prompts.
Of a run that was told to forget it, this is not believed but shown: every table is looked through.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pyarrow.compute as pc

from rsft.config import FORGOTTEN
from rsft.errors import LineageError
from rsft.lineage import RunRecord, Workspace, read_files, read_purges, read_record
from rsft.prompts.forgotten import Forgotten, parse_forgotten
from rsft.rows.address import RowAddress
from rsft.rows.data import DataFile, RunData
from rsft.rows.looked import Looked, is_table, noting
from rsft.rows.models import Registered, TrainedModel, trained_models
from rsft.rows.naming import Found, Wanted, find_prompts, read_split, splits_of
from rsft.rows.records import RunTrace, Trace
from rsft.rows.scanning import leaves_telling, rows_of_prompts, traces_in_document, traces_in_table
from rsft.stages.contract import PROMPTS


def trace(
    workspace: Workspace,
    runs: Sequence[RunRecord],
    wanted: Wanted,
    forgotten: Sequence[Forgotten] = (),
) -> Trace:
    """Follows something through runs.

    Args:
        workspace: The checkout whose cache has their data.
        runs: The runs, the oldest first.
        wanted: What.
        forgotten: What is to be forgotten from now on.
    """
    lists = read_files(workspace, [(run, str(FORGOTTEN)) for run in runs])
    registered = Registered(read_record(workspace))
    tracer = _Tracer(wanted, registered)
    purged = _purged(workspace, wanted, registered)
    found = []
    for run, text in zip(runs, lists, strict=True):
        listed = parse_forgotten((text or b"").decode(errors="replace"), f"{run.tag}:{FORGOTTEN}")
        told = [entry for entry in listed if _is_it(entry, wanted)]
        data = RunData(workspace, run)
        if run.run_id in purged:
            found.append(RunTrace(run=run, state="purged", models=purged[run.run_id]))
        else:
            found.append(tracer.prove(data, told) if told else tracer.follow(data))
    at = next((entry.at for entry in forgotten if _is_it(entry, wanted)), None)
    return Trace(wanted=wanted, forgotten_at=at, runs=found)


def _is_it(entry: Forgotten, wanted: Wanted) -> bool:
    return (entry.kind, entry.hash) == (wanted.kind, wanted.hash)


def _purged(
    workspace: Workspace, wanted: Wanted, registered: Registered
) -> dict[str, tuple[TrainedModel, ...]]:
    """By run that it was purged from the models that had learnt from it, as the purge recorded."""
    of = {"kind": wanted.kind, "hash": wanted.hash}
    told = [purge.details for purge in read_purges(workspace) if purge.details.get("of") == of]
    return {
        run_id: tuple(
            registered.model(model["path"], model["hash"], model["how"], model["rows"])
            for model in models
        )
        for details in told
        for run_id, models in details["models"].items()
    }


class _Tracer:
    """Follows one thing through run after run; what two runs share is looked at once."""

    def __init__(self, wanted: Wanted, registered: Registered) -> None:
        self._wanted = wanted
        self._registered = registered
        self._known: dict[str | None, frozenset[str]] = {}
        self._prompts: dict[str | None, tuple[tuple[Found, ...], tuple[str, ...]]] = {}
        self._traces: dict[tuple[Any, ...], dict[str, int]] = {}

    def follow(self, data: RunData) -> RunTrace:
        """What a run has of it, by the ids of its prompts that are it."""
        prompts, unread = self._prompts_of(data)
        if not prompts:
            return RunTrace(run=data.run, state="unknown" if unread else "none", unread=unread)
        ids = frozenset(found.prompt.prompt_id for found in prompts)
        texts = frozenset(found.prompt.text for found in prompts)
        looked = Looked(data)
        looked.look(lambda file: self._rows(file, ids, texts))
        is_it = pc.field("prompt_id").isin(sorted(ids))

        def rounds_in(path: str) -> Sequence[int]:
            rounds: list[int] = data.table(path, is_it)["round"].to_pylist()
            return rounds

        models: list[TrainedModel] = []
        accepted: list[RowAddress] = []
        with noting(looked.unread):
            models = trained_models(data, rounds_in, self._registered)
        with noting(looked.unread):
            accepted = _accepted(data, is_it)
        return replace(
            looked.as_trace("holds"),
            prompts=prompts,
            accepted=tuple(accepted),
            models=tuple(models),
        )

    def prove(self, data: RunData, told: Sequence[Forgotten]) -> RunTrace:
        """Whether a run that was told to forget it has any trace of it."""
        ids = frozenset(entry.id for entry in told if entry.by_id and entry.id is not None)
        try:
            known = self._known_in(data)
        except LineageError as error:
            return RunTrace(run=data.run, state="unproven", unread=(str(error),))
        looked = Looked(data)
        looked.look(lambda file: self._hashed(file, ids, known))
        found = looked.as_trace("not_free")
        if found.files:
            return found
        return replace(found, state="unproven" if found.unread else "free")

    def _known_in(self, data: RunData) -> frozenset[str]:
        """Ids of a run's prompts, and of those that it dropped for what they share with others."""
        key = data.outs.get(str(PROMPTS))
        if key not in self._known:
            leaks = data.table(f"{PROMPTS}/contamination/leaks.parquet")
            ids = {found.prompt.prompt_id for found in find_prompts(data)}
            self._known[key] = frozenset(ids.union(leaks["prompt_id"].to_pylist()))
        return self._known[key]

    def _prompts_of(self, data: RunData) -> tuple[tuple[Found, ...], tuple[str, ...]]:
        """The prompts of a run that are it, and why some of its splits cannot be read."""
        key = data.outs.get(str(PROMPTS))
        if key not in self._prompts:
            found: list[Found] = []
            unread: list[str] = []
            with noting(unread):
                for split in splits_of(data):
                    with noting(unread):
                        prompts = read_split(data, split)
                        found += (one for one in prompts if self._wanted.picks(one.prompt))
            self._prompts[key] = tuple(found), tuple(unread)
        return self._prompts[key]

    def _rows(self, file: DataFile, ids: frozenset[str], texts: frozenset[str]) -> dict[str, int]:
        key = (file.hash, ids)
        if key not in self._traces:
            if is_table(file):
                rows = rows_of_prompts(file.file, ids)
            else:
                rows = leaves_telling(file.file, ids, texts)
            self._traces[key] = {"id": rows} if rows else {}
        return self._traces[key]

    def _hashed(self, file: DataFile, ids: frozenset[str], known: frozenset[str]) -> dict[str, int]:
        key = (file.hash, ids, known)
        if key not in self._traces:
            if is_table(file):
                found = traces_in_table(file.file, self._wanted, ids=ids, known=known)
            else:
                found = traces_in_document(file.file, self._wanted, ids)
            self._traces[key] = found
        return self._traces[key]


def _accepted(data: RunData, is_it: pc.Expression) -> list[RowAddress]:
    """Labelled rows and accepted candidates, by round."""
    paths = ["data/base/pool/kept.parquet", *_of_rounds(data, "accepted")]
    named = ["prompt_id", "round", "draw"]
    rows = [row for path in paths for row in data.table(path, is_it).select(named).to_pylist()]
    return [RowAddress(**row) for row in rows]


def _of_rounds(data: RunData, name: str) -> Collection[str]:
    """The outputs of a name, by round."""
    paths = [
        path for path in data.outs if path.startswith("data/rounds/") and path.endswith(f"/{name}")
    ]
    return sorted(paths, key=lambda path: int(path.split("/")[2]))
