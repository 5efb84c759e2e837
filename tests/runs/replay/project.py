"""A made-up project of two stages after a run, whose code is its own."""

import hashlib
import importlib.metadata
import json
import platform
from pathlib import Path

import pytest

from rsft.lineage import RunRecord, Workspace, read_run, tag_run
from rsft.lineage.trees import contents_of
from tests.workspaces import make_repository

FILES = {
    "rsft/__init__.py": "",
    "rsft/config.py": "def load_config():\n    return open('params.yaml').read().strip()\n",
    "rsft/errors.py": "class RsftError(Exception):\n    pass\n",
    "rsft/stages/shout.py": """
import os
import signal
import time
from pathlib import Path

from rsft.errors import RsftError

def run(config, key, progress):
    print("not a report")
    if os.environ.get("MISHAP") != "deaf":
        progress(1, 2, "half")
    match os.environ.get("MISHAP", ""):
        case "error":
            Path("data/out").mkdir(parents=True)
            Path("data/out/half.txt").write_text("half")
            raise RsftError("too loud")
        case "crash":
            raise ValueError("broken")
        case "nothing":
            return
        case "hang":
            time.sleep(600)
        case "deaf":
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            progress(1, 2, "deaf")
            time.sleep(20)
    words = Path("data/raw/words.txt").read_text() + config + key
    Path("data/out").mkdir(parents=True)
    Path("data/out/shouts.txt").write_text(words.upper() + os.environ.get("NOISE", ""))
    Path("data/out/silence.txt").write_text("")
""",
    "rsft/stages/count.py": """
from pathlib import Path

def run(config, key, progress):
    texts = [file.read_text() for file in Path("data/out").iterdir()]
    Path("data/count.json").write_text(str(len("".join(texts))))
""",
    "params.yaml": "quietly\n",
    "constraints.txt": "",
    "data/raw/README.md": "What you bring\n",
    "data/.gitignore": "*\n!raw\nraw/*\n!raw/README.md\n",
    "dvc.lock": """schema: '2.0'
stages:
  gone:
    cmd: python -m rsft.stages.gone
  shout@1:
    cmd: python -m rsft.stages.shout 1
  count:
    cmd: python -m rsft.stages.count
""",
}
MADE = {
    "data/out/shouts.txt": "HELLO QUIETLY1",
    "data/out/silence.txt": "",
    "data/count.json": "14",
}
"""What the stages make of those files."""

RECORDED = {
    "shout@1": (["data/raw", "rsft/stages/shout.py"], ["data/out"]),
    "count": (["data/out/shouts.txt", "rsft/stages/count.py"], ["data/count.json"]),
}
"""Dependencies and outputs of the stages."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout after a run, whose outputs are in its cache and nowhere else."""
    folder = tmp_path / "project"
    for name, text in {**FILES, **MADE, "data/raw/words.txt": "hello "}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    make_repository(folder)
    pin(folder)
    for name in (*MADE, "data/raw/words.txt", "data/raw/README.md"):
        store(folder, (folder / name).read_bytes())
    for name in MADE:
        (folder / name).unlink()
    return folder


def pin(folder: Path) -> None:
    """Tags what lies there as a run, and stores the lists of its folders."""
    stages = {
        name: {
            "deps": {"params.yaml:seed": "7"} | {path: hash_of(folder, path) for path in deps},
            "outs": {path: {"hash": hash_of(folder, path), "size": 1, "files": 1} for path in outs},
        }
        for name, (deps, outs) in RECORDED.items()
    }
    environment = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {"numpy": importlib.metadata.version("numpy")},
        "threads": 1,
    }
    workspace = Workspace(root=folder, home=folder)
    tag_run(workspace, "demo", {"stages": stages, "environment": environment})


def hash_of(folder: Path, path: str) -> str:
    found = contents_of(folder / path, folder)
    assert found is not None
    if found.hash.endswith(".dir"):
        members = sorted((member.path, member.hash) for member in found.members)
        listed = json.dumps([{"md5": md5, "relpath": name} for name, md5 in members])
        assert store(folder, listed.encode(), ".dir") == found.hash
    return found.hash


def store(folder: Path, content: bytes, suffix: str = "") -> str:
    name = hashlib.md5(content).hexdigest() + suffix
    held(folder, name).parent.mkdir(parents=True, exist_ok=True)
    held(folder, name).write_bytes(content)
    return name


def held(folder: Path, name: str) -> Path:
    return folder / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]


def recorded(folder: Path) -> RunRecord:
    return read_run(Workspace(root=folder, home=folder), "demo")
