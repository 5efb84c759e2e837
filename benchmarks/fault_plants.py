"""How faults are planted in a finished run, each of which takes itself back."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rsft.audit import AuditReport, audit_all
from rsft.errors import RegistryError
from rsft.lineage import Cache, RunRecord, Workspace
from rsft.registry import Registry, fetch, get_version
from rsft.runs.record import read_model
from tests.workspaces import clean_environment, git, rsft

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
