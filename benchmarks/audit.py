"""Speed of the audit: bytes proven a second, against hashing the same files and nothing else.

    python -m benchmarks.audit [--megabytes 1024] [--repeats 5] [--json]

A run of one stage, half of its bytes in files of 16 MB and half in files of 64 KB, is pinned and
pushed to a folder; then cache and remote are proven with all that belongs to it: the tag's tree,
lists of files, ``dvc.lock`` and manifest, edges and settings. The peers read the same files, in
turn with it: hashlib in as many threads, and ``md5sum`` in as many processes. MLflow, which takes
seconds to import and has files of its own, is left out of the figure.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rsft.audit import audit_run
from rsft.errors import RegistryError
from rsft.lineage import Cache, Pipeline, Workspace, read_run, tag_run
from rsft.registry import Registry
from rsft.runs.record import read_model

LARGE, SMALL = 16 << 20, 64 << 10
OUT = Path("data/big")
CPUS = len(os.sched_getaffinity(0))
FILES = {
    "dvc.yaml": f"stages: {{make: {{cmd: make, deps: [rsft/code.py], outs: [{OUT}]}}}}\n",
    "params.yaml": "seed: 1\n",
    "rsft/code.py": "",
    ".gitignore": "/data\n/remote\n/.dvc\n/.rsft\n",
}


def main() -> None:
    """Prints the rates and their ratio; exits with 1 where it is below 0.7."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON document")
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_run(Path(folder).resolve(), arguments.megabytes << 20)
        stores = [Cache(workspace).folder, workspace.root / "remote" / "files" / "md5"]
        files = [file for store in stores for file in store.rglob("*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        print(f"{len(files):,} files of {size / 1e6:,.0f} MB, {CPUS} processors", flush=True)
        ways: dict[str, Callable[[], None]] = {
            "audit": lambda: prove(workspace),
            "hashlib": lambda: hash_all(files),
            "md5sum": lambda: sum_all(files),
        }
        seconds = measure(ways, arguments.repeats)
    rates = {name: size / 1e6 / statistics.median(times) for name, times in seconds.items()}
    ratios = [raw / own for raw, own in zip(seconds["hashlib"], seconds["audit"], strict=True)]
    ratio = statistics.median(ratios)
    for name, rate in rates.items():
        print(f"{name:<8} {rate:8,.0f} MB/s")
    each = ", ".join(f"{found:.2f}" for found in ratios)
    print(f"audit / hashlib: {ratio:.2f} (median of {each}, each of one round)")
    if arguments.json:
        print(json.dumps({"bytes": size, "seconds": seconds, "ratio": ratio}))
    sys.exit(ratio < 0.7)


def make_run(root: Path, size: int) -> Workspace:
    """A pinned run whose output has so many bytes, in the cache and a remote."""
    from dvc.repo import Repo

    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    Repo.init(str(root), no_scm=True).close()
    with (root / ".dvc" / "config").open("a", encoding="utf-8") as config:
        config.write(f"    remote = store\n['remote \"store\"']\n    url = {root / 'remote'}\n")
    git = partial(subprocess.run, cwd=root, check=True, capture_output=True)
    git(["git", "init"])
    git(["git", "add", "--all"])
    git(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "Start"])
    workspace = Workspace(root=root, home=root)
    os.chdir(root)
    with Pipeline(workspace) as pipeline:
        made = pipeline.run("make", lambda: write_files(size))
    shutil.rmtree(root / OUT)
    stage = {"deps": dict(made.deps), "outs": {p: asdict(out) for p, out in made.outs.items()}}
    model = {"path": str(OUT), "hash": made.outs[str(OUT)].hash}
    manifest = {"run_id": "big", "stages": {"make": stage}, "inputs": {}, "model": model}
    tag_run(workspace, "big", manifest)
    shutil.copytree(root / ".dvc/cache/files", root / "remote/files")
    return workspace


def write_files(size: int) -> None:
    """Half of the bytes in large files, half in small ones."""
    OUT.mkdir(parents=True)
    for each in (LARGE, SMALL):
        for number in range(size // 2 // each):
            (OUT / f"{each}-{number}").write_bytes(os.urandom(each))


def prove(workspace: Workspace) -> None:
    """Audits the run; the only finding is that MLflow was left out."""

    def left_out() -> Registry:
        raise RegistryError("left out")

    report = audit_run(workspace, read_run(workspace, "big"), "none", left_out, read_model)
    assert [finding.found for finding in report.findings] == ["left out"], report.findings


def hash_all(files: list[Path]) -> None:
    """Hashes files in as many threads as there are processors, the largest first."""
    ordered = sorted(files, key=lambda file: -file.stat().st_size)
    with ThreadPoolExecutor(CPUS) as threads:
        list(threads.map(_hash, ordered))


def _hash(file: Path) -> str:
    with file.open("rb", buffering=0) as content:
        return hashlib.file_digest(content, "md5").hexdigest()


def sum_all(files: list[Path]) -> None:
    """Hashes files by ``md5sum``, in as many processes as there are processors."""
    names = b"\0".join(os.fsencode(file) for file in files)
    command = ["xargs", "-0", "-P", str(CPUS), "-n", "256", "md5sum"]
    subprocess.run(command, input=names, stdout=subprocess.DEVNULL, check=True)


def measure(ways: dict[str, Callable[[], None]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each way, taken in turn after a round to warm up."""
    seconds: dict[str, Any] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if repeat:
                seconds[name].append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
