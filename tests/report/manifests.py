"""The manifest of a run of two rounds, as small as a card needs."""

from copy import deepcopy
from typing import Any

from tests.report.test_tables import ROUND, last_of, summary
from tests.stages.cases import settings

POOL = {
    "rows": 1540,
    "contamination": {
        "rows": {"eval": {"exact": 0, "ngram": 3}, "guard_templates": {"exact": 0, "ngram": 0}},
        "rows_left_out": 0,
        "prompts_left_out": 0,
    },
}
TRAINING = {"steps": 200, "first_loss": 1.642, "last_loss": 0.937}


def out(md5: str) -> dict[str, Any]:
    return {"hash": md5, "size": 9, "files": 2}


def manifest(name: str = "guard_templates", control: str = "random") -> dict[str, Any]:
    """A run with a guard set and a control of the given names."""
    figures = deepcopy(summary(name, control))
    for found in figures["rounds"]:
        found |= {key: value for key, value in ROUND.items() if key not in ("round", "sets")}
        found |= {"pool": POOL, "training": TRAINING}
    figures["controls"]["2"][control]["difference"][name] = None
    assert last_of(figures)["accuracy"] == 0.7
    config = settings("rounds=2", "register.name=policy")
    params = config.model_dump(mode="json", by_alias=True)
    params["evaluate"]["sets"] = {"eval": "test", name: name}
    return {
        "run_id": "20260101T000000-demo",
        "seed": 7,
        "ended_at": "2026-01-01T00:10:00+00:00",
        "head": "c0ffee",
        "edited": [],
        "changed": [],
        "params": params,
        "environment": {
            "python": "3.11.7",
            "platform": "Linux",
            "packages": {"torch": "2.13.0", "transformers": "5", "tokenizers": "1", "numpy": "2"},
            "threads": 2,
        },
        "base": {"source": "scratch", "name": "scratch", "revision": None, "hash": "ba5e.dir"},
        "scorers": {"rewards": [{"name": "worked_solution", "weight": 1.0, "model": None}]},
        "model": {"path": "data/rounds/2/model", "hash": "m0de1.dir"},
        "stages": {
            "prompts": {"deps": {}, "outs": {"data/prompts": out("9307.dir")}},
            "pool@1": {"deps": {}, "outs": {"data/rounds/1/pool": out("9001.dir")}},
            "pool@2": {"deps": {}, "outs": {"data/rounds/2/pool": out("9002.dir")}},
            "monitor@2": {"deps": {}, "outs": {"data/rounds/2/model": out("m0de1.dir")}},
        },
        "rows": {"data/rounds/2/pool/kept.parquet": 1540, "data/prompts/test.parquet": 400},
        "expectations": {
            "1": {"evaluated": 63, "failed": [], "warnings": ["acceptance-rate (observed 0.95)"]},
            "2": {"evaluated": 0, "failed": [], "warnings": []},
        },
        "monitors": {key: {"stopped": None, "tripped": []} for key in ("1", "2")},
        "sources": [
            {"source": "a.jsonl", "licence": "MIT", "rows": 1500, "prompts": 900, "families": 60},
            {"source": "b", "licence": "unknown", "rows": 40, "prompts": 9, "families": 2},
        ],
        "figures": figures,
    }
