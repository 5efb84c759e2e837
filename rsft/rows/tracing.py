"""Forward: through every recorded run to all data sets and models that have something of a prompt.

A run all of whose prompts are others has nothing of it, for everything is made from its prompts.
Of a run that was told to forget it, this is not believed but shown: every table is looked through.
Where a purge took tables of prompts, rows that tell of their prompts stand in for them.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import pyarrow.compute as pc

from rsft.config import FORGOTTEN
from rsft.errors import LineageError, PromptsError
from rsft.lineage import (
    RunRecord,
    Workspace,
    is_object,
    read_files,
    read_purges,
    read_record,
    spoilt_runs,
)
from rsft.prompts.forgotten import Forgotten, parse_forgotten
from rsft.rows.address import RowAddress
from rsft.rows.data import PURGED, DataFile, RunData
from rsft.rows.looked import Looked, is_table, noting
from rsft.rows.models import How, Registered, TrainedModel, trained_models
from rsft.rows.naming import (
    Found,
    Wanted,
    find_prompts,
    prompts_in_rows,
    read_split,
    splits_of,
)
from rsft.rows.records import RunTrace, State, Trace
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
        one = _followed(tracer, RunData(workspace, run), text or b"", wanted)
        if run.run_id in purged and one.state in ("holds", "none", "unknown", "unproven"):
            one = replace(
                one,
                state="holds" if one.files else "purged",
                models=purged[run.run_id],
                unread=tuple(line for line in one.unread if PURGED not in line),
            )
        found.append(one)
    at = next((entry.at for entry in forgotten if _is_it(entry, wanted)), None)
    spoilt = spoilt_runs(workspace)
    return Trace(wanted=wanted, forgotten_at=at, runs=found, spoilt=spoilt)


def _followed(tracer: "_Tracer", data: RunData, listed: bytes, wanted: Wanted) -> RunTrace:
    """What a run has, by whether the list in its tag told it to forget it."""
    name = f"{data.run.tag}:{FORGOTTEN}"
    try:
        told = [
            entry
            for entry in parse_forgotten(listed.decode(errors="replace"), name)
            if _is_it(entry, wanted)
        ]
    except PromptsError as error:
        found = tracer.follow(data)
        return replace(found, unread=(*found.unread, str(error)))
    return tracer.prove(data, told) if told else tracer.follow(data)


def _is_it(entry: Forgotten, wanted: Wanted) -> bool:
    return (entry.kind, entry.hash) == (wanted.kind, wanted.hash)


def _purged(
    workspace: Workspace, wanted: Wanted, registered: Registered
) -> dict[str, tuple[TrainedModel, ...]]:
    """By run that it was purged from the models that had learnt from it, as the purge recorded."""
    of = {"kind": wanted.kind, "hash": wanted.hash}
    told = [purge.details for purge in read_purges(workspace) if purge.details.get("of") == of]
    found: dict[str, tuple[TrainedModel, ...]] = {}
    for details in told:
        with suppress(KeyError, TypeError, AttributeError, LineageError):  # another's tag
            for run_id, models in details["models"].items():
                read = tuple(_model(registered, model) for model in models)
                found[run_id] = found.get(run_id) or read
    return found


def _model(registered: Registered, told: Mapping[str, Any]) -> TrainedModel:
    path, md5, how, rows = told["path"], told["hash"], told["how"], told["rows"]
    is_one = isinstance(path, str) and is_object(md5) and isinstance(rows, int | None)
    if not is_one or how not in get_args(How):
        raise LineageError(f"{told!r} is no model")
    return registered.model(path, md5, how, rows)


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
        if not prompts and unread:
            prompts = self._stood_in(data)
        if not prompts:
            return RunTrace(run=data.run, state="unknown" if unread else "none", unread=unread)
        ids = frozenset(found.prompt.prompt_id for found in prompts)
        texts = frozenset(found.prompt.text for found in prompts)
        looked = Looked(data)
        looked.look(lambda file: self._rows(file, ids, texts))
        if unread and not looked.as_trace("holds").files:
            return RunTrace(run=data.run, state="unknown", unread=tuple(looked.unread))
        return self._led_to(data, looked, "holds", prompts)

    def prove(self, data: RunData, told: Sequence[Forgotten]) -> RunTrace:
        """Whether a run that was told to forget it has any trace of it."""
        ids = frozenset(entry.id for entry in told if entry.by_id and entry.id is not None)
        known: frozenset[str] | None = None
        looked = Looked(data)
        with noting(looked.unread):
            known = self._known_in(data)
        looked.look(lambda file: self._hashed(file, ids, known))
        found = looked.as_trace("not_free")
        if found.files:
            prompts = [one for one in prompts_in_rows(data) if self._wanted.picks(one.prompt)]
            return self._led_to(data, looked, "not_free", prompts)
        return replace(found, state="unproven" if found.unread else "free")

    def _led_to(
        self, data: RunData, looked: Looked, state: State, prompts: Sequence[Found]
    ) -> RunTrace:
        """A trace with what the ids of a run's prompts lead to: accepted rows, and models."""
        is_it = pc.field("prompt_id").isin(sorted({found.prompt.prompt_id for found in prompts}))

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
            looked.as_trace(state),
            prompts=tuple(prompts),
            accepted=tuple(accepted),
            models=tuple(models),
        )

    def _stood_in(self, data: RunData) -> tuple[Found, ...]:
        """The prompts that are it as a run's rows tell of them; else by its id, if that is free."""
        told = prompts_in_rows(data)
        found = tuple(one for one in told if self._wanted.picks(one.prompt))
        prompt = self._wanted.prompt
        if found or prompt is None or prompt.prompt_id in {one.prompt.prompt_id for one in told}:
            return found
        return (Found(split="train", prompt=prompt),)

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

    def _hashed(
        self, file: DataFile, ids: frozenset[str], known: frozenset[str] | None
    ) -> dict[str, int]:
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
