"""How long `rsft lineage` takes with many runs on record: whole processes, start to end.

    python -m benchmarks.lineage [--runs 1000] [--repeats 5]

A repository is filled with runs of the size of the demo's (three rounds, four controls): tags with
their manifests, of which every second one is registered, judged and, of these, every tenth
promoted. Then it is asked as a person would, in a new process each time.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
START = 1_790_000_000
"""When the first run was, in seconds since 1970."""


def main() -> None:
    """Prints one line a question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _checkout(folder)
        manifest = _record(folder, arguments.runs)
        oldest = _numbered(manifest["model"]["hash"], 0)
        versions = (arguments.runs + 1) // 2
        print(f"{arguments.runs:,} runs, manifests of {len(json.dumps(manifest)) / 1e3:.0f} kB")
        print(f"{'asked for':42}{'median s':>10}{'worst s':>10}{'CPU s':>8}")
        for name, subject in (
            ("the champion", "rsft@champion"),
            ("a version", f"rsft/{versions // 2}"),
            ("a run", _run_id(arguments.runs // 2)),
            ("a data set by its path", "data/rounds/3/accepted"),
            ("a data set of the oldest run by its hash", oldest),
            ("what is not there", "nothing"),
        ):
            asked = [_ask(folder, subject) for _ in range(arguments.repeats)]
            wall, cpu = zip(*asked, strict=True)
            print(
                f"{name:42}{statistics.median(wall):10.2f}{max(wall):10.2f}"
                f"{statistics.median(cpu):8.2f}"
            )


def _ask(folder: Path, subject: str) -> tuple[float, float]:
    """Seconds until the answer is there, and of them those that a core worked on it."""
    command = [sys.executable, "-m", "rsft", "lineage", subject, "--json"]
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - started, os.times()
    assert bool(done.returncode) == (subject == "nothing"), done.stderr
    user, system = "children_user", "children_system"
    cpu = sum(getattr(after, part) - getattr(before, part) for part in (user, system))
    return seconds, cpu


def _checkout(folder: Path) -> None:
    """This checkout's files in a repository of their own."""
    for name in ("rsft", "flows"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        ("-c", "user.name=ann", "-c", "user.email=ann@example.org", "commit", "-qm", "Start"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


def _record(folder: Path, runs: int) -> dict[str, Any]:
    """Writes tags of runs and of what became of their models; gives what one manifest is like."""
    manifest = _manifest()
    text = json.dumps(manifest)
    stream = "".join(line for number in range(runs) for line in _run(number, text))
    command = ["git", "fast-import", "--quiet"]
    subprocess.run(command, cwd=folder, input=stream.encode(), check=True)
    return manifest


def _run(number: int, manifest: str) -> Iterator[str]:
    """A run, and every second time the record of its model, as ``git fast-import`` reads it."""
    when = f"ann <ann@example.org> {START + 60 * number} +0000"
    mark = number + 1
    content = manifest.replace("RUN", f"{number:06d}")
    yield f"commit refs/runs/{number}\nmark :{mark}\ncommitter {when}\n{_data('A run')}"
    yield f"M 100644 inline .rsft/manifest.json\n{_data(content)}"
    yield f"tag run/{_run_id(number)}\nfrom :{mark}\ntagger {when}\n{_data('A run')}"
    if number % 2:
        return
    version = number // 2 + 1
    told = {
        "version": version,
        "run_id": _run_id(number),
        "model_hash": f"{version:032}.dir",
        "is_promoted": version % 10 == 1,
        "reason": "+5.0 points [1.2, 8.8]",
        "against": None,
    }
    tags = {f"rsft@v{version}.0.0": "registered", f"verdict/rsft/v{version}/1": "judged"}
    if version % 10 == 1:
        tags[f"rsft#champion#{version // 10 + 1}"] = "promoted"
    for tag, kind in tags.items():
        body = json.dumps({"kind": kind, **told})
        yield f"tag {tag}\nfrom :{mark}\ntagger {when}\n{_data(f'Model {kind}{chr(10) * 2}{body}')}"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _run_id(number: int) -> str:
    return f"20260101T{number:06d}-abcd"


def _numbered(text: str, number: int) -> str:
    return text.replace("RUN", f"{number:06d}")


def _manifest() -> dict[str, Any]:
    """What a run says of itself; ``RUN`` stands for its number."""
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    stages = dict(_stages(params))
    outs = {path: out for stage in stages.values() for path, out in stage["outs"].items()}
    model = "data/rounds/3/model"
    packages = {f"package-{number}": "1.23.4" for number in range(250)}
    monitor: dict[str, Any] = {"stopped": None, "round": 1, "tripped": []}
    verdict = {"success": True, "evaluated": 63, "failed": [], "warnings": []}
    return {
        "run_id": "RUN",
        "flow_run_id": None,
        "seed": params["seed"],
        "began_at": "2026-01-01T00:00:00+00:00",
        "ended_at": "2026-01-01T00:01:00+00:00",
        "head": "0" * 40,
        "edited": [],
        "changed": [],
        "params": params,
        "environment": {"python": "3", "platform": "x", "packages": packages, "threads": 2},
        "base": {"source": "scratch", "name": "scratch", "revision": None, "hash": "0" * 32},
        "scorers": {"rewards": [], "fingerprint": "0" * 64},
        "policy": None,
        "model": {"path": model, "hash": outs[model]["hash"]},
        "stages": stages,
        "inputs": {"data/raw": _out("data/raw")},
        "rows": dict.fromkeys(outs, 1000),
        "expectations": dict.fromkeys(params["rounds"], verdict),
        "monitors": dict.fromkeys(params["rounds"], monitor),
        "sources": [],
        "figures": {"filler": "0.123456789 " * 1500},
    }


def _stages(params: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stages of ``dvc.yaml``, those of a kind written out."""
    for name, stage in YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].items():
        if "do" not in stage:
            yield name, _stage(stage, {})
        elif name == "control":
            for control in params["controls"]["names"]:
                words = {"${item.round}": "3", "${item.name}": control}
                yield f"{name}@3-{control}", _stage(stage["do"], words)
        else:
            for key, value in params["rounds"].items():
                words = {"${key}": key, "${item.prev}": value["prev"]}
                yield f"{name}@{key}", _stage(stage["do"], words)


def _stage(stage: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    text = json.dumps(stage)
    for word, value in words.items():
        text = text.replace(word, value)
    told = json.loads(text)
    outs = [*told.get("outs", []), *told.get("metrics", [])]
    deps = {path: _out(path)["hash"] for path in told["deps"]}
    return {
        "state": "ran",
        "seconds": 1.0,
        "deps": deps | {f"params.yaml:{key}": "{'a': 1}" * 30 for key in told.get("params", [])},
        "outs": {path: _out(path) for path in outs},
    }


def _out(path: str) -> dict[str, Any]:
    """A record of a path, with a hash of its own in each run."""
    digest = f"{abs(hash(path)):x}".ljust(20, "0")[:20] + "RUN000000"[:12]
    return {"hash": f"{digest}.dir", "size": 1000, "files": 1}


if __name__ == "__main__":
    main()
