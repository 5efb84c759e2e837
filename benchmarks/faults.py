"""The faults that an audit must find, planted one by one in a finished run.

    python -m benchmarks.faults [--quick] [--json]

A workspace of tiny settings runs twice, a model is promoted by hand, and the audit passes. Then
each fault is planted, audited and taken back; at the end the audit must pass again, so that
nothing was lost. ``--quick`` leaves out those that take runs of their own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rsft.audit import AuditReport, audit_all
from rsft.errors import RegistryError
from rsft.lineage import Cache, RunRecord, Workspace, read_runs
from rsft.registry import Registry, fetch, get_version
from rsft.runs.record import read_model
from tests.workspaces import clean_environment, git, make_workspace, rsft

WEIGHTS = "data/rounds/1/trained/model.safetensors"
POOL = "data/rounds/1/pool/kept.parquet"


@dataclass(kw_only=True)
class Place:
    """The workspace that faults are planted in."""

    folder: Path
    """The checkout."""
    run: RunRecord
    """Its last run, whose model is version 2 and in service."""
    registry: Registry
    """Its MLflow."""
    is_away: bool = False
    """Whether MLflow cannot be reached."""

    @property
    def workspace(self) -> Workspace:
        """The checkout."""
        return Workspace(root=self.folder, home=self.folder)

    def audit(self) -> AuditReport:
        """Everything, the checkout too."""
        return audit_all(self.workspace, "rsft", self._open, read_model, with_checkout=True)

    def object(self, path: str, below: str) -> Path:
        """Where the object of a file in an output lies, in the cache or the remote."""
        cache = Cache(self.workspace)
        for stage in self.run.stages.values():
            for out, record in stage.outs.items():
                if path.startswith(f"{out}/"):
                    members = {m.path: m.hash for m in cache.members(record.hash)}
                    md5 = members[path.removeprefix(f"{out}/")]
                    return self.folder / below / "files" / "md5" / md5[:2] / md5[2:]
        raise AssertionError(path)

    def _open(self) -> Registry:
        if self.is_away:
            raise RegistryError("MLflow's store cannot be used (it is away)")
        return self.registry


Plant = Callable[[Place], AbstractContextManager[object]]


@contextmanager
def flipped(file: Path) -> Iterator[None]:
    """One bit of a file, its size and the time of its change kept."""
    found, content = file.stat(), file.read_bytes()
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    mode = found.st_mode
    file.chmod(0o644)
    for text in (bytes(changed), content):
        file.write_bytes(text)
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
        if text != content:
            yield
    file.chmod(mode)


@contextmanager
def replaced(file: Path, before: str, after: str) -> Iterator[None]:
    """A text in a file by another."""
    text = file.read_text(encoding="utf-8")
    assert before in text, f"{before} is not in {file}"
    file.write_text(text.replace(before, after), encoding="utf-8")
    yield
    file.write_text(text, encoding="utf-8")


@contextmanager
def removed(file: Path) -> Iterator[None]:
    """A file, gone."""
    aside = file.with_name(f"{file.name}.aside")
    file.rename(aside)
    yield
    aside.rename(file)


@contextmanager
def no_tag(place: Place, tag: str) -> Iterator[None]:
    """A tag, deleted."""
    held = git(place.folder, "rev-parse", f"refs/tags/{tag}")
    git(place.folder, "tag", "--delete", tag)
    yield
    git(place.folder, "update-ref", f"refs/tags/{tag}", held)


@contextmanager
def rewritten(place: Place, path: str, before: str, after: str) -> Iterator[None]:
    """The run's tag, moved to a commit in which a file is another."""
    tag, held = place.run.tag, git(place.folder, "rev-parse", f"refs/tags/{place.run.tag}")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git(place.folder, "worktree", "add", "--detach", str(tree), f"{tag}^{{commit}}")
        with replaced(tree / path, before, after):
            git(tree, "commit", "--all", "--message", "Edited")
            git(tree, "tag", "--force", "--annotate", tag, "--message", "Edited", "HEAD")
        git(place.folder, "worktree", "remove", "--force", str(tree))
    yield
    git(place.folder, "update-ref", f"refs/tags/{tag}", held)


@contextmanager
def moved_alias(place: Place) -> Iterator[None]:
    """The champion's alias, moved by hand."""
    place.registry.client.set_registered_model_alias("rsft", "champion", "1")
    yield
    place.registry.client.set_registered_model_alias("rsft", "champion", "2")


@contextmanager
def away(place: Place) -> Iterator[None]:
    """MLflow, away."""
    place.is_away = True
    yield
    place.is_away = False


@contextmanager
def promoted_only_on_record(place: Place) -> Iterator[None]:
    """What a SIGKILL between tag and alias leaves: a promotion that the alias has not followed."""
    place.registry.client.delete_registered_model_alias("rsft", "champion")
    yield
    place.registry.client.set_registered_model_alias("rsft", "champion", "2")


@contextmanager
def edited_during_a_run(place: Place) -> Iterator[None]:
    """A module, while a second run is at work; the run is marked."""
    file = place.folder / "flows" / "audit.py"
    text = file.read_text(encoding="utf-8")
    process = start(place.folder, "--set", "seed=2")
    wait_for(place.folder / "data/base/model/model.safetensors", process)
    file.write_text(f"{text}# edited\n", encoding="utf-8")
    process.communicate()
    yield
    file.write_text(text, encoding="utf-8")


def out_hash(place: Place, path: str) -> str:
    """Hash of an output of the run."""
    return next(s.outs[path].hash for s in place.run.stages.values() if path in s.outs)


def artifact(place: Place) -> Path:
    """The folder of its model in MLflow's store."""
    return fetch(place.registry, get_version(place.registry, "rsft", 2))


def model_hash(place: Place) -> str:
    """Hash of its model."""
    return str(place.run.manifest["model"]["hash"])


@contextmanager
def collected(place: Place) -> Iterator[None]:
    """DVC's garbage collection, which keeps what tags name."""
    command = [sys.executable, "-m", "dvc", "gc", "--all-tags", "--force"]
    environment = clean_environment(place.folder, DVC_NO_ANALYTICS="1")
    subprocess.run(command, cwd=place.folder, env=environment, check=True, capture_output=True)
    yield


@contextmanager
def two_at_once(place: Place) -> Iterator[None]:
    """Two runs in one workspace."""
    first = start(place.folder, "--set", "seed=3")
    wait_for(place.folder / ".rsft" / "holder.json", first)
    time.sleep(1)
    second = rsft(place.folder, "run")
    assert second.returncode == 2
    assert "is held by run" in second.stderr, second.stderr
    assert first.wait() == 0
    yield


@contextmanager
def two_worktrees(place: Place) -> Iterator[None]:
    """Two runs in two linked worktrees."""
    trees = [place.folder.parent / f"tree{number}" for number in (4, 5)]
    for tree in trees:
        git(place.folder, "worktree", "add", "--detach", str(tree))
    runs = [start(tree, "--set", f"seed={tree.name[-1]}") for tree in trees]
    assert [run.wait() for run in runs] == [0, 0]
    yield
    for tree in trees:
        git(place.folder, "worktree", "remove", "--force", str(tree))


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts ``rsft run``."""
    return subprocess.Popen(
        [sys.executable, "-m", "rsft", "run", *arguments],
        cwd=folder,
        env=clean_environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(file: Path, process: subprocess.Popen[bytes]) -> None:
    """Waits until a process has written a file anew."""
    started = time.time()
    while not (file.exists() and file.stat().st_mtime > started - 1):
        assert process.poll() is None, f"it ended without {file}"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault, and what an audit must say of it."""

    name: str
    """What a person would call it."""
    plant: Plant
    """Plants it, and takes it back."""
    kind: str
    """The check that must find it; empty where it must find nothing."""
    named: str
    """What its finding must name."""


FAULTS = (
    Fault(
        name="a bit flipped in the cache, size and time kept",
        plant=lambda p: flipped(p.object(WEIGHTS, ".dvc/cache")),
        kind="object",
        named=WEIGHTS,
    ),
    Fault(
        name="the same in the remote",
        plant=lambda p: flipped(p.object(POOL, ".rsft/remote")),
        kind="object",
        named=POOL,
    ),
    Fault(
        name="the same in MLflow's artifact",
        plant=lambda p: flipped(artifact(p) / "model.safetensors"),
        kind="artifact",
        named="rsft/2: model.safetensors",
    ),
    Fault(
        name="dvc.lock edited in the checkout",
        plant=lambda p: replaced(p.folder / "dvc.lock", model_hash(p), f"{'0' * 31}a.dir"),
        kind="checkout",
        named="dvc.lock: stage monitor@1, data/rounds/1/model",
    ),
    Fault(
        name="dvc.lock edited, and the tag moved to it",
        plant=lambda p: rewritten(p, "dvc.lock", model_hash(p), f"{'0' * 31}a.dir"),
        kind="lock",
        named="data/rounds/1/model: manifest against dvc.lock",
    ),
    Fault(
        name="a setting edited after the run",
        plant=lambda p: replaced(p.folder / "params.yaml", "temperature: 1.0", "temperature: 0.9"),
        kind="checkout",
        named="params.yaml: generate.temperature",
    ),
    Fault(
        name="a setting edited, and the tag moved to it",
        plant=lambda p: rewritten(p, "params.yaml", "temperature: 1.0", "temperature: 0.9"),
        kind="settings",
        named="generate.temperature in params.yaml, and as stage generate@1 got it",
    ),
    Fault(
        name="a source file edited, and the tag moved to it",
        plant=lambda p: rewritten(p, "rsft/filter/coins.py", '"""', '"""An edit. '),
        kind="code",
        named="rsft/filter",
    ),
    Fault(
        name="a data set swapped in the checkout",
        plant=lambda p: flipped(p.folder / POOL),
        kind="checkout",
        named=POOL,
    ),
    Fault(
        name="a data set swapped under a stage, in the manifest",
        plant=lambda p: rewritten(
            p,
            ".rsft/manifest.json",
            f'"data/rounds/1/pool": "{out_hash(p, "data/rounds/1/pool")}"',
            f'"data/rounds/1/pool": "{"0" * 31}a.dir"',
        ),
        kind="edge",
        named="read data/rounds/1/pool",
    ),
    Fault(
        name="the expectations' verdict edited in the manifest",
        plant=lambda p: rewritten(p, ".rsft/manifest.json", '"evaluated": ', '"evaluated": 1'),
        kind="expectations",
        named="evaluated of the verdict",
    ),
    Fault(
        name="the alias moved by hand",
        plant=moved_alias,
        kind="alias",
        named="rsft@champion",
    ),
    Fault(
        name="SIGKILL between tag and alias",
        plant=promoted_only_on_record,
        kind="alias",
        named="rsft@champion",
    ),
    Fault(
        name="the tag of the run deleted",
        plant=lambda p: no_tag(p, p.run.tag),
        kind="registration",
        named="rsft/2: its run",
    ),
    Fault(
        name="the tag of the registration deleted",
        plant=lambda p: no_tag(p, "rsft@v2.0.0"),
        kind="registration",
        named="rsft/2",
    ),
    Fault(
        name="the tag of the promotion deleted (SIGKILL between alias and record)",
        plant=lambda p: no_tag(p, "rsft#champion#1"),
        kind="alias",
        named="rsft@champion",
    ),
    Fault(name="MLflow away", plant=away, kind="registration", named="rsft"),
    Fault(
        name="an object that a full remote did not take",
        plant=lambda p: removed(p.object(POOL, ".rsft/remote")),
        kind="object",
        named=POOL,
    ),
    Fault(
        name="no remote",
        plant=lambda p: replaced(p.folder / ".dvc/config", "    remote = ", "    # remote = "),
        kind="",
        named="",
    ),
    Fault(
        name="dvc gc --all-tags",
        plant=collected,
        kind="",
        named="",
    ),
)

WITH_RUNS = (
    Fault(
        name="two runs at once in one workspace: the second is refused",
        plant=two_at_once,
        kind="",
        named="",
    ),
    Fault(
        name="two runs at once in two worktrees on one cache",
        plant=two_worktrees,
        kind="",
        named="",
    ),
    Fault(
        name="a source file edited during a run",
        plant=edited_during_a_run,
        kind="marked",
        named="files that changed while it ran",
    ),
)


def make_place(folder: Path) -> Place:
    """Two finished runs, the second one's model promoted by hand."""
    make_workspace(folder)
    for seed in ("6", "7"):
        assert start(folder, "--set", f"seed={seed}").wait() == 0
    place = Place(
        folder=folder,
        run=read_runs(Workspace(root=folder, home=folder))[-1],
        registry=Registry.open(folder),
    )
    document = {"kind": "promoted", "version": 2, "run_id": place.run.run_id, "against": None}
    message = f"Promoted by hand\n\n{json.dumps(document | {'reason': 'for the trial'})}"
    tag = ("tag", "--annotate", "rsft#champion#1", f"{place.run.tag}^{{commit}}")
    git(folder, *tag, "--message", message)
    place.registry.client.set_registered_model_alias("rsft", "champion", "2")
    return place


def try_fault(place: Place, fault: Fault) -> dict[str, Any]:
    """Plants a fault, and says what the audit found."""
    with fault.plant(place):
        report = place.audit()
    told = [*report.findings, *report.notes]
    if not fault.kind:
        return {"fault": fault.name, "is_right": report.passed, "told": [*map(str, told)]}
    found = [f for f in told if f.kind == fault.kind and fault.named in f.what]
    return {"fault": fault.name, "is_right": bool(found), "told": [*map(str, found or told)]}


def main() -> None:
    """Prints a table of faults; exits with 1 where one was not found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON document")
    parser.add_argument("--quick", action="store_true", help="without those that take runs")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp()).resolve()
    try:
        place = make_place(folder / "checkout")
        before = place.audit()
        assert before.passed, [*map(str, before.findings)]
        faults = FAULTS if arguments.quick else FAULTS + WITH_RUNS
        results = [try_fault(place, fault) for fault in FAULTS]
        after = place.audit()
        assert after.passed, [*map(str, after.findings)]
        results += [try_fault(place, fault) for fault in faults[len(FAULTS) :]]
    finally:
        shutil.rmtree(folder)
    table = Table(show_lines=True)
    for heading in ("fault", "found", "what the audit says"):
        table.add_column(heading, overflow="fold")
    for result in results:
        said = result["told"][0] if result["told"] else "audit passed"
        table.add_row(result["fault"], "yes" if result["is_right"] else "NO", escape(said))
    Console().print(table)
    if arguments.json:
        print(json.dumps(results, indent=2))
    sys.exit(not all(result["is_right"] for result in results))


if __name__ == "__main__":
    main()
