"""A run of four small stages, pinned, pushed, registered and promoted; copied for each test."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rsft.audit import AuditReport, Finding, audit_all, audit_run
from rsft.audit.registrations import provenance
from rsft.ledger import write_table
from rsft.lineage import (
    Cache,
    Pipeline,
    RunRecord,
    Trees,
    Workspace,
    contending,
    folder_md5,
    in_service,
    md5_of,
    read_record,
    read_run,
    tag_run,
)
from rsft.registry import CHALLENGER, CHAMPION, PACKAGE_FILES, ModelVersion, Pointer
from rsft.runs.record import read_model
from tests.workspaces import git, make_repository

RUN = "20260101-demo"

FILES = {
    "dvc.yaml": """
stages:
  prompts:
    cmd: prompts
    deps: [data/raw, data/forgotten.jsonl, rsft/code.py, rsft/part]
    params: [seed, prompts]
    outs: [data/prompts]
  filter:
    cmd: filter
    deps: [data/prompts/train.parquet, rsft/code.py]
    params: [filter.rule]
    outs: [data/rounds/1/decisions, data/rounds/1/accepted]
  validate:
    cmd: validate
    deps: [data/rounds/1/accepted, data/rounds/1/decisions]
    outs: [data/rounds/1/validation]
  finetune:
    cmd: finetune
    deps: [data/rounds/1/accepted, data/rounds/1/validation/verdict.json]
    outs: [data/rounds/1/model, data/rounds/1/figures.json]
""",
    "params.yaml": "seed: 7\nprompts: {source: own, shares: [0.5, 0.5]}\nfilter: {rule: coin}\n",
    "data/raw/README.md": "What you bring.\n",
    "data/forgotten.jsonl": "",
    "rsft/code.py": "code = 1\n",
    "rsft/part/one.py": "one = 1\n",
    "rsft/part/two.py": "two = 2\n",
    ".dvcignore": "__pycache__\n",
    ".gitignore": "/data/*\n!/data/raw\n!/data/forgotten.jsonl\n"
    "/.rsft\n/dvc.lock\n/mlflow\n/remote\n/.dvc/\n",
}

ROUND = Path("data/rounds/1")
MODEL = "data/rounds/1/model"
WEIGHTS = f"{MODEL}/model.safetensors"


def _table(rows: int) -> pa.Table:
    return pa.table({"number": list(range(rows))})


def _prompts() -> None:
    write_table(Path("data/prompts/train.parquet"), _table(6))
    write_table(Path("data/prompts/eval.parquet"), _table(3))
    for rows in (5, 2):
        write_table(Path(f"data/prompts/parts/{rows}.parquet"), _table(rows))


def _filter() -> None:
    write_table(ROUND / "decisions" / "0.parquet", _table(5))
    write_table(ROUND / "decisions" / "1.parquet", _table(3))
    write_table(ROUND / "accepted" / "0.parquet", _table(4))


def _validate() -> None:
    verdict = {"success": True, "evaluated": 9, "rows": 4, "candidates": 8, "failed": []}
    (ROUND / "validation").mkdir()
    (ROUND / "validation" / "verdict.json").write_text(json.dumps(verdict))


def _finetune() -> None:
    (ROUND / "model").mkdir()
    (ROUND / "model" / "config.json").write_text("{}")
    (ROUND / "model" / "model.safetensors").write_bytes(bytes(range(256)))
    (ROUND / "figures.json").write_text('{"loss": 1}')


STAGES: dict[str, Callable[[], None]] = {
    "prompts": _prompts,
    "filter": _filter,
    "validate": _validate,
    "finetune": _finetune,
}


@dataclass(kw_only=True)
class Audited:
    """A checkout after a run, and what audits say of it."""

    root: Path
    """The checkout."""
    versions: list[ModelVersion] = field(default_factory=list)
    """What MLflow has."""
    marks: dict[str, str] = field(default_factory=dict)
    """By alias the entry that it was last moved for."""

    @property
    def workspace(self) -> Workspace:
        return Workspace(root=self.root, home=self.root)

    @property
    def run(self) -> RunRecord:
        return read_run(self.workspace, RUN)

    def all(self, *, with_checkout: bool = True) -> AuditReport:
        return audit_all(
            self.workspace, "demo", lambda: self, read_model, with_checkout=with_checkout
        )

    def one(self, run: RunRecord | None = None) -> AuditReport:
        return audit_run(self.workspace, run or self.run, "demo", lambda: self, read_model)

    def pointers(self) -> dict[str, Pointer]:
        """Where MLflow's aliases point."""
        at = {alias: v.version for v in self.versions for alias in v.aliases}
        return {
            alias: Pointer(version=at.get(alias), mark=self.marks.get(alias))
            for alias in (CHAMPION, CHALLENGER)
        }

    def finding(self) -> Finding:
        """The only one."""
        (found,) = self.all().findings
        return found

    def object(self, path: str, store: str = "cache") -> Path:
        """Where the object of an output, or of a file in one, lies."""
        run = self.run
        hashes = {p: out.hash for stage in run.stages.values() for p, out in stage.outs.items()}
        hashes |= {p: given["hash"] for p, given in run.manifest["inputs"].items()}
        cache = Cache(self.workspace)
        md5 = hashes.get(path) or next(
            member.hash
            for out, found in hashes.items()
            for member in cache.members(found)
            if path == f"{out}/{member.path}"
        )
        folder = cache.folder if store == "cache" else self.root / "remote" / "files" / "md5"
        return folder / md5[:2] / md5[2:]

    def artifact(self) -> Path:
        """The policy in MLflow's model."""
        return self.root / "mlflow" / "model" / "artifacts" / "policy"

    def edit_manifest(self, change: Callable[[dict], None]) -> None:
        """Makes the run's tag anew, with another manifest; MLflow is told of it."""
        manifest = dict(self.run.manifest)
        change(manifest)
        self.retag(manifest)

    def retag(self, manifest: dict) -> None:
        git(self.root, "tag", "--delete", f"run/{RUN}")
        tag_run(self.workspace, RUN, manifest)
        git(self.root, "tag", "--delete", "demo@v1.0.0", "demo#champion#1")
        register(self)


def flip(file: Path) -> None:
    """Flips a bit of a file, and keeps its size and the time of its change."""
    found, content = file.stat(), bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))


def follow(audited: Audited) -> None:
    """Has the aliases' marks be those of the record."""
    record = read_record(audited.workspace)
    entries = {CHAMPION: in_service(record, "demo"), CHALLENGER: contending(record, "demo")}
    audited.marks = {alias: f"{e.tag} {e.at}" for alias, e in entries.items() if e is not None}


def tag_entry(audited: Audited, tag: str, document: dict, run_id: str = RUN) -> None:
    """Writes an entry of the record."""
    message = f"An entry\n\n{json.dumps(document)}"
    git(audited.root, "tag", "--annotate", tag, f"run/{run_id}^{{commit}}", "--message", message)


def register(audited: Audited) -> None:
    """Version 1, of the run, in MLflow and on record, promoted."""
    run = audited.run
    told = {"version": 1, "run_id": run.run_id}
    model_hash = run.manifest["model"]["hash"]
    package = md5_of((audited.root / "mlflow/model" / PACKAGE_FILES).read_bytes())
    made = {"model_hash": model_hash, "package_md5": package}
    tag_entry(audited, "demo@v1.0.0", {"kind": "registered", **told, **made})
    tag_entry(
        audited,
        "demo#champion#1",
        {"kind": "promoted", **told, "reason": "better", "against": None},
    )
    version = ModelVersion(
        name="demo",
        version=1,
        aliases=("champion",),
        tags=dict(provenance(run, Trees(audited.workspace))),
        mlflow_run_id="m",
    )
    audited.versions[:] = [version]
    follow(audited)


def tags_of(audited: Audited, **changes: str) -> None:
    """Edits the tags of MLflow's version."""
    (version,) = audited.versions
    audited.versions[:] = [dataclasses.replace(version, tags={**version.tags, **changes})]


def run_again(audited: Audited, run_id: str, **changes: Any) -> RunRecord:
    """The run again, with all reused."""
    manifest = {**audited.run.manifest, "run_id": run_id, **changes}
    tag_run(audited.workspace, run_id, manifest)
    return read_run(audited.workspace, run_id)


def replace_member(audited: Audited, out: str, name: str, text: str) -> None:
    """Puts another file into a data set, and its hashes into lock, manifest and stores."""
    dataset = audited.run.stages["validate"].outs[out].hash
    listed = json.loads(audited.object(out).read_text())
    (old,) = [entry["md5"] for entry in listed if entry["relpath"] == name]
    new = md5_of(text.encode())
    renewed = folder_md5({e["relpath"]: new if e["relpath"] == name else e["md5"] for e in listed})
    listing = json.dumps([e | ({"md5": new} if e["relpath"] == name else {}) for e in listed])
    for folder in (".dvc/cache/files/md5", "remote/files/md5"):
        for md5, content in ((new, text), (renewed, listing)):
            place = audited.root / folder / md5[:2] / md5[2:]
            place.parent.mkdir(exist_ok=True)
            place.write_text(content)
    lock = audited.root / "dvc.lock"
    manifest = json.dumps(audited.run.manifest)
    for before, after in ((dataset, renewed), (old, new)):
        lock.write_text(lock.read_text().replace(before, after))
        manifest = manifest.replace(before, after)
    audited.retag(json.loads(manifest))


def _keep(folder: Path, path: str, md5: str) -> None:
    """Puts a folder of one file into the cache, as a run does with what the user brings."""
    (file,) = (folder / path).iterdir()
    listing = [{"md5": md5_of(file.read_bytes()), "relpath": file.name}]
    for name, content in (
        (listing[0]["md5"], file.read_bytes()),
        (md5, json.dumps(listing).encode()),
    ):
        place = folder / ".dvc/cache/files/md5" / name[:2] / name[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dvc.repo import Repo

    folder = tmp_path_factory.mktemp("template")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    Repo.init(str(folder), no_scm=True).close()
    make_repository(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with Pipeline(Workspace(root=folder, home=folder)) as pipeline:
            runs = {name: pipeline.run(name, function) for name, function in STAGES.items()}
    folders = {path: out for run in runs.values() for path, out in run.outs.items()}
    raw = runs["prompts"].deps["data/raw"]
    manifest = {
        "run_id": RUN,
        "changed": [],
        "model": {"path": str(ROUND / "model"), "hash": folders[str(ROUND / "model")].hash},
        "stages": {
            name: {
                "deps": dict(run.deps),
                "outs": {path: dataclasses.asdict(out) for path, out in run.outs.items()},
            }
            for name, run in runs.items()
        },
        "inputs": {
            "data/raw": {"hash": raw, "size": 16, "files": 1},
            "data/forgotten.jsonl": {"hash": md5_of(b""), "size": 0, "files": 1},
        },
        "rows": {"data/prompts/eval.parquet": 3, "data/rounds/1/decisions": 8},
        "params": {"seed": 7, "prompts": {"source": "own", "shares": [0.5, 0.5]}, "extra": None},
    }
    _keep(folder, "data/raw", raw)
    place = folder / ".dvc/cache/files/md5" / md5_of(b"")[:2] / md5_of(b"")[2:]
    place.parent.mkdir(exist_ok=True)
    place.touch()
    tag_run(Workspace(root=folder, home=folder), RUN, manifest)
    (folder / "data" / "run.json").write_text(json.dumps({"tag": f"run/{RUN}"}))
    shutil.copytree(folder / ".dvc/cache/files", folder / "remote/files")
    shutil.copytree(folder / ROUND / "model", folder / "mlflow/model/artifacts/policy")
    package = {"MLmodel": "model", "code/rsft/policy.py": "answer = 1"}
    for name, text in package.items():
        (folder / "mlflow/model" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "mlflow/model" / name).write_text(text)
    listed = {name: md5_of(text.encode()) for name, text in package.items()}
    (folder / "mlflow/model" / PACKAGE_FILES).write_text(json.dumps(listed))
    return folder


@pytest.fixture
def audited(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audited:
    """A copy of it to spoil; MLflow's part is played by the fixture."""
    root = tmp_path / "checkout"
    shutil.copytree(template, root)
    (root / ".dvc" / "config.local").write_text(
        f"[core]\n    remote = store\n['remote \"store\"']\n    url = {root / 'remote'}\n"
    )
    monkeypatch.chdir(root)
    monkeypatch.setattr("rsft.runs.record.read_versions", lambda registry, name: registry.versions)
    monkeypatch.setattr("rsft.runs.record.read_pointers", lambda registry, _: registry.pointers())
    model = root / "mlflow" / "model"
    monkeypatch.setattr("rsft.audit.models.fetch_model", lambda registry, version, copies: model)
    monkeypatch.setattr("rsft.audit.models.policy_in", lambda model: model / "artifacts" / "policy")
    found = Audited(root=root)
    register(found)
    return found
