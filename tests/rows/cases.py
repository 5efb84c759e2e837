"""Recorded runs, made by hand: tables in a cache, a manifest in a tag, and no model at all."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsft.ledger import write_rows
from rsft.lineage import RunRecord, Workspace, read_run, tag_run
from rsft.types import Decided, Leak, Prompt, TrainingRow
from tests.stages.cases import decided, prompt, row

LABELLED, TRAIN, EVAL = (
    [prompt(number, split=split) for number in range(count)]
    for split, count in (("labelled", 1), ("train", 4), ("eval", 1))
)

ACCEPTED = decided(0, "one", draw=0, is_accepted=True)
"""Kept in both rounds."""
REFUSED = decided(0, "two", draw=1)
GAVE_WAY = decided(1, "three", draw=0, is_accepted=True)
"""Kept in the first round, over the cap in the second."""
REPEATED = decided(1, "three", draw=2, is_accepted=True)
TOLD = decided(1, "told", draw=3, is_accepted=True)
"""Holds text of an evaluation prompt."""
HELD_OUT = decided(2, "four", draw=0, is_accepted=True)
LATE = decided(0, "five", round=2, draw=0, is_accepted=True)

LEAK = Leak(
    prompt_id="train-1",
    round=1,
    draw=3,
    kind="ngram",
    evaluation_set="eval",
    evaluation_prompt_id="eval-0",
    share=0.5,
    action="drop",
)
DIAGNOSTICS = {
    "rule": "coin",
    "target": "indicator",
    "base_measure": "uniform",
    "bound": "known",
    "bound_note": None,
}


def write_data(folder: Path, prompts: Mapping[str, list[Prompt]] | None = None) -> None:
    """What a run of two rounds leaves in ``data/``."""
    data = folder / "data"
    splits = {"labelled": LABELLED, "train": TRAIN, "eval": EVAL} | dict(prompts or {})
    for split, rows in splits.items():
        write_rows(data / "prompts" / f"{split}.parquet", Prompt, rows)
    write_rows(data / "prompts/contamination/leaks.parquet", Leak, [])
    _write(data / "prompts/forgotten.json", {"train": 0})
    _write(data / "base/model/training.json", {})
    _write(data / "base/handed_on.json", {"stopped": None})
    labelled = row(0, "n0 + n1 = r0", round=0)
    _write_pool(data / "base/pool", [labelled], [])
    drawn = [ACCEPTED, REFUSED, GAVE_WAY, REPEATED, TOLD, HELD_OUT]
    first = [row(0, "one"), row(1, "three")]
    seen = [*first, row(0, "two", draw=1), row(1, "three", draw=2)]
    _write_round(data / "rounds/1", drawn)
    _write_pool(data / "rounds/1/pool", [labelled, *first], seen)
    _write_round(data / "rounds/2", [LATE])
    second = row(0, "five", round=2)
    _write_pool(data / "rounds/2/pool", [labelled, first[0], second], [*seen, second])
    for name in ("random", "no_filter", "supervised"):
        _write(data / "controls/2" / name / "model/control.json", {"name": name})


def _write_round(folder: Path, rows: list[Decided]) -> None:
    accepted = [one for one in rows if one.is_accepted]
    write_rows(folder / "decisions/part-00000.parquet", Decided, rows)
    _write(folder / "decisions/diagnostics.json", DIAGNOSTICS)
    write_rows(folder / "accepted/part-00000.parquet", Decided, accepted)
    _write(folder / "validation/result.json", {"results": [{"partial": ["one"]}]})
    _write(folder / "trained/weights.json", {"of": str(folder.name)})
    _write(folder / "handed_on.json", {"stopped": None})


def _write_pool(folder: Path, kept: list[TrainingRow], seen: list[TrainingRow]) -> None:
    heldout = [row(2, "four")] if seen else []
    for name, rows in (("kept", kept), ("seen", seen), ("heldout", heldout)):
        write_rows(folder / f"{name}.parquet", TrainingRow, rows)
    write_rows(folder / "contamination.parquet", Leak, [LEAK] if seen else [])


def _write(file: Path, document: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document))


def outs_of(folder: Path) -> list[str]:
    """The outputs, as ``dvc.yaml`` has them."""
    rounds = [f"data/rounds/{number}" for number in (1, 2)]
    kinds = ("decisions", "accepted", "pool", "validation", "trained", "handed_on.json")
    return [
        *("data/prompts", "data/base/model", "data/base/pool", "data/base/handed_on.json"),
        *(f"{place}/{kind}" for place in rounds for kind in kinds),
        *(str(path.relative_to(folder)) for path in sorted(folder.glob("data/controls/*/*/model"))),
    ]


def record(folder: Path, run_id: str, **manifest: Any) -> RunRecord:
    """Puts what lies in ``data/`` into the cache, tags it as a run, and clears the folder."""
    outs = {out: {"hash": cached(folder, out), "size": 1, "files": 1} for out in outs_of(folder)}
    document = {"run_id": run_id, "stages": {"all": {"deps": {}, "outs": outs}}, **manifest}
    (folder / "dvc.lock").write_text("stages: {}\n")
    workspace = Workspace(root=folder, home=folder)
    tag_run(workspace, run_id, document)
    for part in ("prompts", "base", "rounds", "controls"):
        shutil.rmtree(folder / "data" / part)
    return read_run(workspace, run_id)


def cached(folder: Path, out: str) -> str:
    """Puts a file or folder into the cache, and gives its hash."""
    place = folder / out
    if place.is_file():
        return _stored(folder, place.read_bytes())
    members = [
        {"md5": _stored(folder, file.read_bytes()), "relpath": str(file.relative_to(place))}
        for file in sorted(place.rglob("*"))
        if file.is_file()
    ]
    return _stored(folder, json.dumps(members).encode(), ".dir")


def _stored(folder: Path, content: bytes, suffix: str = "") -> str:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    target = folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return md5


def renamed(prompts: list[Prompt], **ids: str) -> list[Prompt]:
    """Prompts under other ids: ``train_0="x"``."""
    names = {old.replace("_", "-"): new for old, new in ids.items()}
    return [replace(one, prompt_id=names.get(one.prompt_id, one.prompt_id)) for one in prompts]
