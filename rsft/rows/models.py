"""Which models of a run learnt from some rows.

trained     the rows lie in the pool that it was trained on
perhaps     a control that drew some of its prompts' candidates at random: which, is not recorded
descended   it was trained later in the run, on what a policy drew that had been trained on them
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rsft.lineage import Entry, in_service
from rsft.rows.data import RunData

How = Literal["trained", "perhaps", "descended"]

RoundsIn = Callable[[str], Sequence[int]]
"""By path of a table of training rows the round of each of the rows in question: 0 if labelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model that learnt from some rows."""

    path: str
    """Its folder."""
    hash: str
    """DVC's MD5 of it."""
    how: How
    """How it came to it."""
    rows: int | None
    """How many of the rows it was trained on; null where that is not recorded, as of controls, or
    it descended."""
    versions: tuple[str, ...]
    """Registered versions with the same weights, of whatever run: ``NAME/VERSION``."""
    is_champion: bool
    """Whether one of them is in service."""


class Registered:
    """The registered versions of a record, by hash of their model."""

    def __init__(self, record: Sequence[Entry]) -> None:
        self._entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in record:
            if entry.kind == "registered":
                self._entries[entry.details.get("model_hash", "")].append(entry)
        serving = [in_service(record, name) for name in {entry.name for entry in record}]
        self._serving = {(entry.name, entry.version) for entry in serving if entry is not None}

    def model(self, path: str, md5: str, how: How, rows: int | None) -> TrainedModel:
        """A model with the versions that it is registered as by now."""
        entries = self._entries[md5]
        return TrainedModel(
            path=path,
            hash=md5,
            how=how,
            rows=rows,
            versions=tuple(f"{entry.name}/{entry.version}" for entry in entries),
            is_champion=any((entry.name, entry.version) in self._serving for entry in entries),
        )


def trained_models(
    data: RunData, rounds_in: RoundsIn, registered: Registered
) -> list[TrainedModel]:
    """The models of a run that learnt from some rows, in the order in which they were made.

    Args:
        data: The run.
        rounds_in: Which of the rows a table has.
        registered: What is registered.

    Raises:
        LineageError: Where a document that it goes by is not in the cache.
    """
    found: list[tuple[str, How | None, int | None]] = [_base(data, rounds_in)]
    rounds = [key for key in _numbers(data, "data/rounds/{}/trained") if _was_run(data, key)]
    for key in rounds:
        rows = len(rounds_in(f"data/rounds/{key}/pool/kept.parquet"))
        has_learnt = any(how is not None for _, how, _ in found)
        how: How | None = "trained" if rows else "descended" if has_learnt else None
        found.append((f"data/rounds/{key}/trained", how, rows or None))
    found += [_control(path, rounds_in) for path in data.outs if _is_control(path)]
    return [
        registered.model(path, data.outs[path], how, rows)
        for path, how, rows in found
        if how is not None
    ]


def _base(data: RunData, rounds_in: RoundsIn) -> tuple[str, How | None, int]:
    """The base learnt from labelled rows where it was made here, and from nothing where it came."""
    path = "data/base/model"
    was_made_here = any(file.path == f"{path}/training.json" for file in data.files(path))
    rows = len(rounds_in("data/base/pool/kept.parquet")) if was_made_here else 0
    return path, "trained" if rows else None, rows


def _numbers(data: RunData, pattern: str) -> list[int]:
    """The rounds that the run has an output of."""
    before, after = pattern.split("{}")
    inner = [path.removeprefix(before).removesuffix(after) for path in data.outs]
    return sorted(int(key) for key in inner if key.isdecimal())


def _was_run(data: RunData, key: int) -> bool:
    """Whether the rounds had not ended before this one; else its model is another's."""
    earlier = f"data/rounds/{key - 1}" if key > 1 else "data/base"
    return data.document(f"{earlier}/handed_on.json")["stopped"] is None


def _is_control(path: str) -> bool:
    return path.startswith("data/controls/") and path.endswith("/model")


def _control(path: str, rounds_in: RoundsIn) -> tuple[str, How | None, None]:
    """A control learnt from all labelled rows, and from drawn ones as it is named."""
    _, _, key, name, _ = path.split("/")
    kept = rounds_in(f"data/rounds/{key}/pool/kept.parquet")
    seen = rounds_in(f"data/rounds/{key}/pool/seen.parquet")
    if 0 in kept or (seen and name == "no_filter"):
        return path, "trained", None
    may_have = 1 in seen if name == "random" else bool(seen) and name == "random_all_rounds"
    return path, "perhaps" if may_have else None, None
