"""Checkouts made by hand, with tagged runs whose data sets lie in their cache."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rsft.config import Config, Policy, load_config, parse_policy, set_values
from rsft.ledger import write_rows
from rsft.lineage import RunRecord, Workspace, read_run, record_registration
from rsft.promotion.exam import Exam
from rsft.types import Answer, Prompt
from tests.answers import answer, sampled
from tests.workspaces import ROOT, git, make_repository

PROMPTS = 80
"""In families of two."""
SETS = {"eval": "eval", "guard": "guard_templates"}
POLICY = (ROOT / "mlflow" / "policy.yaml").read_text()
NAME = "rsft"


def answers(right: int, split: str = "eval", unscored: int = 0) -> list[Answer]:
    """Greedy answers of which the first so many are right, and the last so many cannot be scored.

    Two prompts make a family, and their draws stand beside them.
    """
    return [
        row
        for number in range(PROMPTS)
        for row in (
            answer(number, None if number >= PROMPTS - unscored else number < right, split=split),
            *sampled(number, "01"),
        )
    ]


def greedy(right: int, split: str = "eval", unscored: int = 0) -> list[Answer]:
    """Those of them that are compared."""
    return [row for row in answers(right, split, unscored) if row.draw is None]


def manifest(**changes: Any) -> dict[str, Any]:
    """What a run says of itself, as far as the gate reads it."""
    verdict = {"success": True, "evaluated": 12, "failed": [], "warnings": []}
    document: dict[str, Any] = {
        "changed": [],
        "evaluation": "asked and judged",
        "inputs": {},
        "model": {"path": "data/rounds/3/model", "hash": "m1.dir"},
        "scorers": {"rewards": [], "fingerprint": "judges"},
        "expectations": {"1": verdict, "2": verdict},
        "monitors": {"1": {"stopped": None, "round": 1, "tripped": []}},
        "stages": {},
    }
    return document | changes


def run_record(**changes: Any) -> RunRecord:
    """A run that has no tag."""
    return RunRecord(
        tag="run/r1",
        run_id="r1",
        commit="c0ffee",
        tagged_at="2026-11-27T00:00:00+00:00",
        tagged_by="Ann <ann@example.org>",
        manifest=manifest(**changes),
    )


def exam(*guards: str, **changes: Any) -> Exam:
    """What that run was examined on."""
    config = load_config(ROOT / "params.yaml")
    prompts = {"eval": "e1", **dict.fromkeys(guards, "g1")}
    return Exam(run=run_record(**changes), config=config, prompts=prompts, fingerprint="f1")


def policy(text: str = POLICY) -> Policy:
    return parse_policy(text, name="policy.yaml")


class Checkout:
    """A checkout with tagged runs."""

    def __init__(self, folder: Path, *settings: str) -> None:
        folder.mkdir()
        self.workspace = Workspace(root=folder, home=folder)
        (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
        sets = "evaluate.sets={eval: eval, guard: guard_templates}"
        self.config: Config = set_values(folder / "params.yaml", [sets, *settings])
        (folder / "mlflow").mkdir()
        (folder / "mlflow" / "policy.yaml").write_text(POLICY)
        (folder / "rsft" / "score").mkdir(parents=True)
        (folder / "rsft" / "score" / "exact.py").write_text("RIGHT = 1\n")
        (folder / ".gitignore").write_text(".dvc/\nscratch/\n")
        make_repository(folder)

    def run(
        self,
        run_id: str,
        ours: Sequence[Answer],
        base: Sequence[Answer] = (),
        *,
        prompts: str = "asked",
        kept: Mapping[str, int] = MappingProxyType({}),
        model_hash: str = "m1.dir",
        **changes: Any,
    ) -> RunRecord:
        """A tagged run, with its answers, its base's, and the prompts, in the cache.

        What is asked begins with ``prompts``; so many of each set are ``kept`` as "asked".
        """
        splits = {
            f"{split}.parquet": [
                _prompt(number, f"{'asked' if number < kept.get(name, 0) else prompts} of {name}")
                for number in range(PROMPTS)
            ]
            for name, split in SETS.items()
        }
        outs = {
            "data/prompts": self._tables(splits),
            "data/base/answers": self._tables({"part-00000.parquet": base}),
            "data/rounds/3/answers": self._tables({"part-00000.parquet": ours}),
        }
        stage = {
            "outs": {path: {"hash": md5, "size": 1, "files": 1} for path, md5 in outs.items()},
            "deps": {},
        }
        model = {"path": "data/rounds/3/model", "hash": model_hash}
        document = {"model": model, "stages": {"all": stage}, "evaluation": prompts} | changes
        document = manifest(**document)
        root = self.workspace.root
        (root / ".rsft").mkdir(exist_ok=True)
        (root / ".rsft" / "manifest.json").write_text(json.dumps(document))
        git(root, "add", "--force", ".rsft/manifest.json", ".")
        git(root, "commit", "--quiet", "--allow-empty", f"--message=Run {run_id}")
        git(root, "tag", "--annotate", f"run/{run_id}", "--message=Run")
        return read_run(self.workspace, run_id)

    def register(self, version: int, run: RunRecord) -> None:
        record_registration(
            self.workspace,
            name=NAME,
            version=version,
            run=run,
            model_hash=run.manifest["model"]["hash"],
        )

    def object(self, md5: str) -> Path:
        return self.workspace.home / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]

    def folder(self, files: Mapping[str, bytes]) -> str:
        """The hash of a folder that is put into the cache."""
        members = [{"md5": self._keep(files[name]), "relpath": name} for name in sorted(files)]
        return self._keep(json.dumps(members).encode(), ".dir")

    def _tables(self, tables: Mapping[str, Sequence[Any]]) -> str:
        files = {}
        for name, rows in tables.items():
            file = self.workspace.root / "scratch" / name
            write_rows(file, Prompt if name.startswith(("eval", "guard")) else Answer, rows)
            files[name] = file.read_bytes()
        return self.folder(files)

    def _keep(self, content: bytes, ending: str = "") -> str:
        md5 = hashlib.md5(content).hexdigest() + ending
        self.object(md5).parent.mkdir(parents=True, exist_ok=True)
        self.object(md5).write_bytes(content)
        return md5


def _prompt(number: int, text: str) -> Prompt:
    return Prompt(
        prompt_id=f"p{number}",
        text=f"{text}: {number}",
        answers=("1",),
        solution=None,
        family=f"f{number // 2}",
        source="s",
        licence="MIT",
    )
