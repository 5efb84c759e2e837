"""Runs that never ran: their tags, and what registering takes from the cache."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from rsft.ledger import write_rows
from rsft.lineage import RunRecord, Workspace, read_run, tag_run
from rsft.types import Prompt
from tests.stages.cases import prompt
from tests.workspaces import make_repository


def make_recorded(folder: Path, *models: str, name: str = "rsft") -> Workspace:
    """A workspace with the tag of a run for each model, whose folder holds that text."""
    (folder / ".gitignore").write_text(".rsft\n.dvc/cache\nmlflow\n")
    (folder / "params.yaml").write_text("seed: 1\n")
    make_repository(folder, "ann")
    (folder / "dvc.lock").write_text("stages: {}\n")
    workspace = Workspace(root=folder, home=folder)
    for number, model in enumerate(models, start=1):
        add_run(workspace, f"2026010{number}T000000-demo", model, name=name)
    return workspace


def add_run(
    workspace: Workspace,
    run_id: str,
    model: str,
    *,
    name: str = "rsft",
    place: str = "data/rounds/1",
) -> RunRecord:
    """A run more, whose last round lies at a place."""
    file = workspace.home / "eval.parquet"
    write_rows(file, Prompt, [prompt(0, split="eval")])
    outs = {
        "data/prompts": cache(
            workspace, {"eval.parquet": file.read_bytes(), "train.parquet": b"train"}
        ),
        f"{place}/model": cache(workspace, {"config.json": b"{}", "text": model.encode()}),
        f"{place}/answers": cache(workspace, {"part-00000.parquet": b"answers"}),
    }
    file.unlink()
    manifest = {
        "run_id": run_id,
        "flow_run_id": None,
        "seed": 1,
        "params": {
            "register": {"name": name},
            "evaluate": {"sets": {"eval": "eval"}, "max_new_tokens": 16},
            "score": {"rewards": {"worked_solution": 1.0}, "answer_marker": None},
        },
        "evaluation": "a11",
        "model": {"path": f"{place}/model", "hash": outs[f"{place}/model"]},
        "stages": {
            "all": {
                "deps": {},
                "outs": {path: {"hash": md5, "size": 1, "files": 1} for path, md5 in outs.items()},
            }
        },
        "sources": [{"source": "a", "licence": "MIT", "rows": 3, "prompts": 2, "families": 1}],
        "figures": {
            "base": {"sets": {"eval": {"accuracy": 0.5}}},
            "rounds": [{"round": 1, "against_base": {"points": 1.0}, "accepted": 3, "note": "x"}],
        },
    }
    tag_run(workspace, run_id, manifest)
    return read_run(workspace, run_id)


def write_little(folder: Path, **_: object) -> None:
    """Stands for ``write_model``, which takes a second."""
    folder.mkdir()
    (folder / "MLmodel").write_text("")


def cache(workspace: Workspace, files: Mapping[str, bytes]) -> str:
    """Puts a folder into the cache and gives its hash."""
    listed = [{"md5": keep(workspace, text), "relpath": name} for name, text in files.items()]
    return keep(workspace, json.dumps(listed).encode(), ".dir")


def keep(workspace: Workspace, content: bytes, ending: str = "") -> str:
    md5 = hashlib.md5(content).hexdigest()
    target = workspace.home / ".dvc" / "cache" / "files" / "md5" / md5[:2] / f"{md5[2:]}{ending}"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return f"{md5}{ending}"
