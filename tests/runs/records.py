"""Runs and versions on record, made by hand in a repository of their own."""

import json
from pathlib import Path
from typing import Any

from rsft.lineage import Workspace, tag_run
from rsft.lineage.git import run_git
from tests.workspaces import make_repository

FIRST, SECOND = "20260101T000000-aaaa", "20260102T000000-bbbb"


def out(letter: str, *, files: int = 2) -> dict[str, Any]:
    """A record of a data set whose hash is a letter many times over."""
    return {"hash": letter * 32 + (".dir" if files > 1 else ""), "size": 1500, "files": files}


def manifest(run_id: str, model: str = "e") -> dict[str, Any]:
    """What a run of one round says of itself, in short."""
    raw, prompts, base, pool = out("a"), out("b"), out("c"), out("d")
    train = "f" * 32
    stages = {
        "prompts": (
            {"data/raw": raw["hash"], "rsft/types.py": "1" * 32},
            {"data/prompts": prompts},
        ),
        "base": ({"data/prompts/train.parquet": train}, {"data/base/model": base}),
        "generate@1": (
            {"data/base/model": base["hash"], "params.yaml:seed": "7"},
            {"data/rounds/1/pool": pool},
        ),
        "finetune@1": ({"data/rounds/1/pool": pool["hash"]}, {"data/rounds/1/model": out(model)}),
        "evaluate@1": (
            {"data/rounds/1/model": model * 32 + ".dir"},
            {"data/rounds/1/evaluation.json": out("9", files=1)},
        ),
    }
    return {
        "run_id": run_id,
        "flow_run_id": "11111111-2222",
        "seed": 7,
        "began_at": "2026-01-01T00:00:00+00:00",
        "ended_at": "2026-01-01T00:01:00+00:00",
        "changed": [],
        "params": {"seed": 7, "generate": {"engine": "native", "top_k": None, "law": {"p": 0.5}}},
        "environment": {
            "python": "3.11.7",
            "platform": "Linux",
            "packages": {"torch": "2.13.0"},
            "threads": 2,
        },
        "base": {"source": "scratch", "name": "scratch", "revision": None, "hash": base["hash"]},
        "scorers": {
            "rewards": [{"name": "f1", "weight": 0.5, "model": None}],
            "fingerprint": "8" * 64,
        },
        "policy": None,
        "model": {"path": "data/rounds/1/model", "hash": model * 32 + ".dir"},
        "stages": {
            name: {"state": "ran", "seconds": 1.0, "deps": deps, "outs": outs}
            for name, (deps, outs) in stages.items()
        },
        "inputs": {"data/raw": raw},
        "rows": {"data/prompts/train.parquet": 64, "data/rounds/1/pool": 12},
        "expectations": {
            "1": {
                "success": True,
                "evaluated": 34,
                "failed": [],
                "warnings": [],
                "path": "data/rounds/1/validation",
                "hash": "7" * 32,
            }
        },
        "monitors": {"1": {"stopped": None, "round": 1, "tripped": []}},
        "sources": [
            {"source": "embedded", "licence": "CC0-1.0", "rows": 12, "prompts": 9, "families": 3}
        ],
        "figures": {},
    }


def make_checkout(folder: Path) -> Workspace:
    """A repository with a lock, and no runs."""
    (folder / "dvc.yaml").write_text("stages: {}\n")
    (folder / "params.yaml").write_text("register: {name: rsft}\n")
    make_repository(folder, "ann")
    (folder / "dvc.lock").write_text("")
    return Workspace(root=folder, home=folder)


def make_run(workspace: Workspace, run_id: str, model: str = "e", **told: Any) -> str:
    """Pins a run; gives its commit."""
    return tag_run(workspace, run_id, manifest(run_id, model) | told).commit


def enter(workspace: Workspace, tag: str, commit: str, second: int = 0, **told: Any) -> None:
    """Writes an entry of the record, in the order of the seconds that are given."""
    run_git(
        workspace.root,
        *("tag", "--annotate", tag, commit, "-m", f"A title\n\n{json.dumps(told)}"),
        environment={"GIT_COMMITTER_DATE": f"{1_790_000_000 + second} +0000"},
    )
