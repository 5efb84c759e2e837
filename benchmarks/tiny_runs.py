"""Whole runs of tiny settings: checkouts that are soon made, runs in them, and what came of it."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rsft.config import set_values
from rsft.lineage import Cache, Workspace, read_record, read_runs
from rsft.runs.remains import find_remains
from tests.workspaces import clean_environment, git, make_workspace

BASE = ("evaluate_base", "monitor_base")
"""Stages whose results all checkouts begin with, and those of the stages before them."""
PATIENCE = 900.0
"""Seconds that a run may take on a busy machine."""


@dataclass(kw_only=True)
class Run:
    """``rsft run`` at work."""

    process: subprocess.Popen[bytes]
    """Its process."""
    output: Path
    """What it says, errors too."""

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> bool:
        """Waits until it has said something; false where it ended without."""
        while text not in self.said:
            if self.process.poll() is not None:
                return text in self.said
            time.sleep(0.05)
        return True

    def end(self) -> int:
        """Waits for its end; its exit status."""
        return self.process.wait(PATIENCE)


def make_template(folder: Path, *settings: str) -> Path:
    """A checkout that has the base, which takes longest, in its cache.

    Args:
        folder: Where it comes to be.
        settings: Each ``section.key=value``.
    """
    make_workspace(folder, *settings)
    made = command(folder, {}, "dvc", "repro", "--quiet", *BASE)
    assert made.returncode == 0, made.stderr
    return folder


def new_checkout(template: Path, name: str, remote: str, cache: Path) -> Path:
    """A copy of the template that has not run.

    Args:
        template: What it is a copy of.
        name: Its folder's, beside the template, and its model's.
        remote: Lines of DVC's settings of its remote.
        cache: The checkout whose cache it begins with.
    """
    folder = shutil.copytree(template, template.with_name(name), symlinks=True)
    shutil.rmtree(folder / ".dvc" / "cache")
    shutil.copytree(cache / ".dvc" / "cache", folder / ".dvc" / "cache")
    shutil.rmtree(folder / "data" / "base")
    (folder / "dvc.lock").unlink()
    set_values(folder / "params.yaml", [f"register.name={name}"])
    settings = f"[core]\n    analytics = false\n    remote = store\n['remote \"store\"']\n{remote}"
    (folder / ".dvc" / "config").write_text(settings, encoding="utf-8")
    git(folder, "commit", "--quiet", "--all", "--message=Settings")
    return folder


def start(folder: Path, environment: Mapping[str, str]) -> Run:
    """Starts ``rsft run`` in a checkout."""
    earlier = len(list(folder.parent.glob(f"{folder.name}-*.out")))
    output = folder.with_name(f"{folder.name}-{earlier}.out")
    with output.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "rsft", "run"],
            cwd=folder,
            env=clean_environment(folder, **environment),
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    return Run(process=process, output=output)


def command(
    folder: Path, environment: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Runs a module's command in a checkout."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=clean_environment(folder, DVC_NO_ANALYTICS="1", **environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def hashes(folder: Path) -> dict[str, str]:
    """Hash by path of all that the last run made."""
    (*_, run) = read_runs(workspace(folder))
    return {path: out.hash for stage in run.stages.values() for path, out in stage.outs.items()}


def states_in(folder: Path) -> Counter[str]:
    """How many runs are in each state in a checkout's own database of Prefect's."""
    database = folder / ".rsft" / "prefect" / "prefect.db"
    if not database.exists():
        return Counter()
    with closing(sqlite3.connect(database)) as connection:
        return Counter(row[0] for row in connection.execute("SELECT state_type FROM flow_run"))


def doubled_or_owed(folder: Path) -> Sequence[str]:
    """What a checkout has twice, or still has to do."""
    registered = [e.version for e in read_record(workspace(folder)) if e.kind == "registered"]
    told = [] if len(registered) == 1 else [f"{len(registered)} registrations"]
    owed = sorted((folder / ".rsft" / "unpushed").iterdir())
    return [*told, *(f"{note.name} is noted as not pushed" for note in owed)]


def left_over(folder: Path) -> Sequence[str]:
    """What a process that failed was writing and nobody has removed."""
    written = find_remains(workspace(folder), Cache(workspace(folder)))["temporary files"]
    locks = (folder / ".git").rglob("*.lock")
    return [f"left over: {path.relative_to(folder)}" for path in (*written, *locks)]


def audit(folder: Path, environment: Mapping[str, str]) -> Sequence[str]:
    """What ``rsft audit --all`` finds."""
    done = command(folder, environment, "rsft", "audit", "--all", "--json")
    if done.returncode not in (0, 1):
        return [done.stderr.strip()]
    found = json.loads(done.stdout)["findings"]
    return [f"{each['kind']}: {each['what']}, {each['found']}" for each in found]


def workspace(folder: Path) -> Workspace:
    """A checkout as the lineage sees it."""
    return Workspace(root=folder, home=folder)
