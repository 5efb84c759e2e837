"""Scratch workspaces: this checkout's files in a repository of their own, with tiny settings."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from rsft.config import set_values
from rsft.lineage.git import run_git
from rsft.lineage.runs import MANIFEST

ROOT = Path(__file__).parents[1]

TINY = (
    "rounds=1",
    "runtime.threads=1",
    "prompts.embedded.labelled=96",
    "prompts.embedded.train=64",
    "prompts.embedded.dev=16",
    "prompts.embedded.eval=48",
    "prompts.embedded.guard_paraphrases=16",
    "prompts.embedded.guard_templates=16",
    "base.scratch.d_model=48",
    "base.scratch.d_ff=96",
    "base.scratch.training.steps=150",
    "base.scratch.training.batch_size=16",
    "base.scratch.training.learning_rate=0.005",
    "finetune.batch_size=16",
    "finetune.steps=20",
    "generate.draws_per_prompt=4",
    "generate.part_prompts=32",
    "evaluate.draws=2",
    "evaluate.k=2",
    "validate.min_rows=1",
    "validate.min_acceptance_rate=0",
    "controls.names=[random]",
    "monitor={}",
)
"""Settings under which everything runs in seconds and learns next to nothing."""


def make_workspace(folder: Path, *settings: str) -> Path:
    """A committed copy of this checkout's files, without its history, data or environment."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in map(os.fsdecode, filter(None, names)):
        if (ROOT / name).is_file() and name != "dvc.lock":
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    set_values(folder / "params.yaml", [*TINY, *settings])
    return make_repository(folder)


def make_repository(folder: Path, user: str = "test") -> Path:
    """A git repository of a folder's files, committed by a user of its own."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", user)
    git(folder, "config", "user.email", f"{user}@example.org")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Start")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Runs git and gives what it printed."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def tag_spoilt(folder: Path, manifest: str) -> None:
    """Tags a run, ``run/spoilt``, whose manifest is some text."""
    (folder / ".git" / "blob").write_text(manifest)
    with_index = {"GIT_INDEX_FILE": str(folder / ".git" / "index.spoilt")}
    sha = git(folder, "hash-object", "-w", ".git/blob")
    entry = f"100644,{sha},{MANIFEST}"
    run_git(folder, "update-index", "--add", "--cacheinfo", entry, environment=with_index)
    tree = run_git(folder, "write-tree", environment=with_index)
    commit = git(folder, "commit-tree", tree, "-m", "Spoilt")
    git(folder, "tag", "--annotate", "run/spoilt", commit, "-m", "Spoilt")


def places_of(text: str, folder: Path) -> list[str]:
    """Files that hold a text, and git's objects."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    found = [str(file) for file in files if text.encode() in file.read_bytes()]
    if (folder / ".git").exists():
        listed = ["git", "cat-file", "--batch-all-objects", "--batch"]
        objects = subprocess.run(listed, cwd=folder, capture_output=True, check=True).stdout
        found += ["git"] * (text.encode() in objects)
    return found


def clean_environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a person at a shell in a folder: nothing that this test run has set."""
    ours = ("PREFECT_", "MLFLOW_", "DVC_", "GX_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return kept | {"PATH": path, "PWD": str(folder), "COLUMNS": "160"} | more


def rsft(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line of a workspace, as ``rsft`` would."""
    return subprocess.run(
        [sys.executable, "-m", "rsft", *arguments],
        cwd=folder,
        env=clean_environment(folder, **environment),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run_script(folder: Path, script: str, **environment: str) -> str:
    """Runs Python in a workspace, as a process of its own, and gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=clean_environment(folder, **environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
