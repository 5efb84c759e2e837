"""All that is recorded of one row of a run: from its prompt to the models that learnt from it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow.compute as pc

from rsft.config import round_folder
from rsft.errors import LineageError
from rsft.lineage import RunRecord, Workspace, read_record
from rsft.rows.address import RowAddress
from rsft.rows.data import PURGED, RunData
from rsft.rows.models import Registered, TrainedModel, trained_models
from rsft.rows.naming import Found, read_split
from rsft.stages.contract import PROMPTS
from rsft.types import Decided, Leak, TrainingRow

FateKind = Literal["kept", "held_out", "contaminated", "repeated", "over_cap"]

_RULE = ("rule", "target", "base_measure", "bound", "bound_note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of an accepted row in a round's pool."""

    round: int
    """The round."""
    fate: FateKind
    """``kept``: to be trained on; ``held_out``: its prompt is one of those never trained on;
    ``contaminated``: it holds text of an evaluation prompt; ``repeated``: the pool has the same
    completion from an earlier draw; ``over_cap``: its prompt has rows enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A row, explained."""

    row: RowAddress
    """Which."""
    run: RunRecord
    """The run that it is a row of."""
    found: Found
    """Its prompt."""
    completion: str
    """What is, or would be, learnt: hostile text."""
    candidate: Decided | None
    """Everything that the decision used; null for a labelled row, on which nobody decided."""
    rule: Mapping[str, Any] | None
    """Rule, target, base measure and bound that decided; null likewise."""
    law: Mapping[str, Any] | None
    """The settings ``generate`` that it was drawn by; null likewise."""
    settings: Mapping[str, Any] | None
    """The settings ``filter`` that the rule went by; null likewise."""
    fates: Sequence[Fate]
    """What became of it in each round's pool, from its own on; none where it was not accepted."""
    models: Sequence[TrainedModel]
    """The models that were trained on it, and those that came of these."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "row": str(self.row),
            "run_id": self.run.run_id,
            "tag": self.run.tag,
            "commit": self.run.commit,
            "split": self.found.split,
            "prompt": asdict(self.found.prompt),
            "completion": self.completion,
            "candidate": None if self.candidate is None else asdict(self.candidate),
            "rule": self.rule,
            "law": self.law,
            "settings": self.settings,
            "pool": [asdict(fate) for fate in self.fates],
            "models": [asdict(model) for model in self.models],
        }


def explain_row(workspace: Workspace, run: RunRecord, row: RowAddress) -> Explanation:
    """Explains a row.

    Args:
        workspace: The checkout whose cache has the run's data.
        run: The run.
        row: Which of its rows.

    Raises:
        LineageError: Where the run has no such row, or what tells of it was purged or is missing.
    """
    data = RunData(workspace, run)
    is_prompt, is_row = pc.field("prompt_id") == row.prompt_id, _is_row(row)
    split = "train" if row.round else "labelled"
    found = next(read_split(data, split, is_prompt), None)
    if found is None:
        what = f"prompt {row.prompt_id!r} in the split {split!r}"
        raise _no_such(row, data, f"{PROMPTS}/{split}.parquet", what)
    candidate = _candidate(data, row, is_row) if row.round else None
    completion = found.prompt.solution if candidate is None else candidate.text
    if completion is None:
        what = f"labelled row of {row.prompt_id!r}"
        raise _no_such(row, data, f"{PROMPTS}/{split}.parquet", what)
    params = run.manifest.get("params", {}) if row.round else {}
    is_learnt = candidate is None or candidate.is_accepted

    def rounds_in(path: str) -> Sequence[int]:
        return [row.round] * len(data.table(path, is_row))

    return Explanation(
        row=row,
        run=run,
        found=found,
        completion=completion,
        candidate=candidate,
        rule=_rule(data, row.round) if row.round else None,
        law=params.get("generate"),
        settings=params.get("filter"),
        fates=_fates(data, row, completion) if is_learnt else (),
        models=trained_models(data, rounds_in, Registered(read_record(workspace))),
    )


def _no_such(row: RowAddress, data: RunData, path: str, what: str) -> LineageError:
    run_id = data.run.run_id
    for file in data.files(path):
        if file.purged_by is not None:
            return LineageError(
                f"{str(row)!r}: run {run_id} has no {what} any more, or never had: {file.path} "
                f"{PURGED} {file.purged_by} says, but for other rows"
            )
    return LineageError(
        f"{str(row)!r}: run {run_id} has no {what}; name another run with --run, or look for "
        "the prompt in all of them with `rsft trace`"
    )


def _is_row(row: RowAddress) -> pc.Expression:
    return (
        (pc.field("prompt_id") == row.prompt_id)
        & (pc.field("round") == row.round)
        & (pc.field("draw") == row.draw)
    )


def _candidate(data: RunData, row: RowAddress, is_row: pc.Expression) -> Decided:
    folder = round_folder(row.round)
    if f"{folder}/decisions" not in data.outs:
        raise _no_such(row, data, f"{folder}/decisions", f"round {row.round}")
    rows = data.rows(f"{folder}/decisions", Decided, is_row)
    if not rows:
        what = f"draw {row.draw} of {row.prompt_id!r} in round {row.round}"
        raise _no_such(row, data, f"{folder}/decisions", what)
    return rows[0]


def _rule(data: RunData, number: int) -> dict[str, Any]:
    figures = data.document(f"{round_folder(number)}/decisions/diagnostics.json")
    return {name: figures[name] for name in _RULE}


def _fates(data: RunData, row: RowAddress, completion: str) -> list[Fate]:
    """By round, from the row's own to the last."""
    fates, number = [], row.round
    while (pool := f"{round_folder(number)}/pool") in data.outs:
        fates.append(Fate(round=number, fate=_fate(data, pool, row, completion)))
        number += 1
    return fates


def _fate(data: RunData, pool: str, row: RowAddress, completion: str) -> FateKind:
    is_row, is_prompt = _is_row(row), pc.field("prompt_id") == row.prompt_id
    kept = data.rows(f"{pool}/kept.parquet", TrainingRow, is_prompt)
    if any((other.round, other.draw) == (row.round, row.draw) for other in kept):
        return "kept"
    leaks = data.rows(f"{pool}/contamination.parquet", Leak, is_row) if row.round else []
    if any(leak.action == "drop" for leak in leaks):
        return "contaminated"
    if len(data.table(f"{pool}/heldout.parquet", is_prompt)):
        return "held_out"
    return "repeated" if any(other.completion == completion for other in kept) else "over_cap"
