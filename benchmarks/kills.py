"""Whole runs killed by SIGKILL at each of their steps, and what the next run makes of that.

    python -m benchmarks.kills [--kills 30] [--json]

A workspace of tiny settings, with nothing but an empty registry, runs undisturbed. Then it is put
back, run and killed, with all that it has started, at a random moment of each step in turn: the
start, the stages, and pinning, pushing, registering, judging and reporting; and then run again.
Every hash must be that of the undisturbed run, nothing there twice, nothing left over, the audit
clean, and what was finished reused; what that took is shown. All runs share a server of Prefect's.
"""

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.forks import Forks
from benchmarks.kill_moments import ENDING, Moment, kill, stages_of, watch
from benchmarks.killing import conclude, parser
from rsft.lineage import Workspace, read_runs
from rsft.lineage.yaml12 import load_yaml
from rsft.registry import Registry
from rsft.servers import local_servers
from tests.flows.conftest import free_ports
from tests.server.serving import serving
from tests.workspaces import clean_environment, git, make_workspace

SEED = 0
STAGES = (
    *("prompts", "base", "evaluate_base", "monitor_base", "generate@1", "score@1", "filter@1"),
    *("pool@1", "validate@1", "finetune@1", "monitor@1", "evaluate@1", "control@1-random"),
)
STEPS = ("start", *STAGES, *ENDING)
_OF_THE_MOMENT = ("__pycache__", "prefect", "artifacts", "tmp", "scores", ".git")
"""Folders in which names go by times and chance; what matters of them is counted."""
_VERSIONS = "SELECT version FROM model_versions WHERE current_stage != 'Deleted_Internal'"


def main() -> None:
    """Prints one line per kill; exits with 1 where one ended otherwise."""
    asked = parser(__doc__, kills=30)
    asked.add_argument("--after", type=int, default=0, help="leave out the first so many")
    arguments = asked.parse_args()
    chosen, order = random.Random(SEED), [*STEPS, *reversed(STEPS)]
    results: list[dict[str, Any]] = []
    folder = Path(tempfile.mkdtemp()).resolve()
    place = make_workspace(folder / "checkout")
    Registry.open(place)
    registry = (place / "mlflow" / "mlflow.db").read_bytes()
    with prefect_server(folder) as environment, closing(Forks(place, environment)) as forks:
        ended = watch(forks.start(folder / "undisturbed.out", "run"), place, STEPS)
        expected = found(place)
        print(f"undisturbed: {ended['report']:.0f} s", flush=True)
        for number in range(arguments.kills):
            moment = choose(order[number % len(order)], ended, chosen)
            if number < arguments.after:
                continue
            put_back(place, registry)
            results.append(attempt(forks, place, moment, expected))
            print(line(results[-1]), flush=True)
            if not results[-1]["is_same"]:
                shutil.copytree(place, folder / f"{number}-{moment.step}")
    slowest = max(result["slowest_reused"] for result in results)
    print(f"reusing a finished stage took {slowest:.1f} s at most")
    if all(result["is_same"] for result in results):
        shutil.rmtree(folder)
    else:
        print(f"those that went wrong are in {folder}")
    conclude(results, "what the undisturbed run made", as_json=arguments.json, seed=SEED)


def put_back(place: Path, registry: bytes) -> None:
    """Makes a workspace fresh; its code stays untouched, for it has been imported."""
    git(place, "clean", "-ffdxq", "--exclude=__pycache__")
    for tag in git(place, "tag").split():
        git(place, "tag", "--delete", tag)
    (place / "mlflow" / "mlflow.db").write_bytes(registry)


@contextmanager
def prefect_server(folder: Path) -> Iterator[dict[str, str]]:
    """A server as ``rsft up`` starts it; gives what makes runs use it."""
    (port,) = free_ports(1)
    ports = {"prefect": port, "mlflow": 0, "docs": 0}
    server = local_servers(folder, None, ports, with_worker=False)[0]
    home = {"PREFECT_HOME": str(folder)}
    environment = clean_environment(folder, **server.environment, **home)
    with serving(server.command, folder / server.log, server.answers, folder, environment):
        yield {"PREFECT_API_URL": server.environment["PREFECT_API_URL"]}


def choose(step: str, ended: Mapping[str, float], chosen: random.Random) -> Moment:
    """A random moment of a step, by how long it took undisturbed."""
    before = STEPS[STEPS.index(step) - 1] if step != STEPS[0] else None
    seconds = ended[step] - (ended[before] if before else 0)
    return Moment(step=step, before=before, delay=chosen.uniform(0, seconds))


def attempt(
    forks: Forks, place: Path, moment: Moment, expected: Mapping[str, Any]
) -> dict[str, Any]:
    """Kills a run, runs again, and says what came of it."""
    outputs = [place.with_suffix(f".{name}") for name in ("killed", "again", "audit")]
    done = kill(forks.start(outputs[0], "run"), place, moment)
    codes = [
        forks.start(outputs[1], "run").wait(),
        forks.start(outputs[2], "audit", "--all").wait(),
    ]
    _, again, audit = (output.read_text() for output in outputs)
    second = stages_of(again)
    reused = {name: second[name] for name in done if name in second}
    slowest = max((seconds for _, seconds in reused.values()), default=0.0)
    problems = [
        *([f"run: {again.strip()}"] if codes[0] else []),
        *([f"audit: {audit.strip()}"] if codes[1] else []),
        *(f"{name} was made again" for name, (how, _) in reused.items() if how != "reused"),
        *differences(found(place), expected, pinned=1 + ("snapshot" in done)),
    ]
    return {
        "aimed_at": moment.step,
        "seconds_into": round(moment.delay, 2),
        "killed_in": next((step for step in STEPS if step not in done), "nothing"),
        "reused": len(reused),
        "slowest_reused": slowest,
        "problems": problems,
        "is_same": not problems,
    }


def found(folder: Path) -> dict[str, Any]:
    """What a workspace holds, as far as an undisturbed run determines it."""
    runs = read_runs(Workspace(root=folder, home=folder))
    with closing(sqlite3.connect(folder / "mlflow" / "mlflow.db")) as tables:
        versions = len(tables.execute(_VERSIONS).fetchall())
    listed = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    lock = folder / "dvc.lock"
    return {
        "hashes": runs[-1].stages if runs else None,
        "lock": load_yaml(lock.read_bytes()) if lock.exists() else None,
        "files": {str(path) for path in listed if not {*path.parts} & {*_OF_THE_MOMENT}},
        "runs": len(runs),
        "versions": versions,
        "models": len([*(folder / "mlflow" / "artifacts").rglob("MLmodel")]),
        "scores": len([*(folder / ".rsft" / "scores").rglob("*.parquet")]),
        "locks of git": len([*(folder / ".git").rglob("*.lock")]),
        "registrations": len(git(folder, "tag", "--list", "*@v*").split()),
        "verdicts": len(git(folder, "tag", "--list", "verdict/*").split()),
        "at work": len(at_work(folder)),
    }


def differences(now: Mapping[str, Any], expected: Mapping[str, Any], *, pinned: int) -> list[str]:
    """What is not as the undisturbed run left it; a killed run that was pinned stays on record."""
    counts = {**expected, "runs": pinned}
    numbers = ("runs", "versions", "models", "scores", "locks of git", "registrations", "at work")
    return [
        *(f"other {what}" for what in ("hashes", "lock") if now[what] != expected[what]),
        *(f"left over: {path}" for path in sorted(now["files"] - expected["files"])),
        *(f"not there: {path}" for path in sorted(expected["files"] - now["files"])),
        *(
            f"{what}: {now[what]}, not {counts[what]}"
            for what in numbers
            if now[what] != counts[what]
        ),
        *([f"verdicts: {now['verdicts']}"] if not 1 <= now["verdicts"] <= pinned else []),
    ]


def at_work(folder: Path) -> list[int]:
    """Processes that work in a folder."""
    listed = psutil.process_iter(["cwd", "status"])
    return [p.pid for p in listed if Path(p.info["cwd"] or "/").is_relative_to(folder)]


def line(result: Mapping[str, Any]) -> str:
    """One kill for people."""
    verdict = "the same" if result["is_same"] else f"OTHERWISE: {'; '.join(result['problems'])}"
    return (
        f"{result['seconds_into']:5.2f} s into {result['aimed_at']:16} killed in "
        f"{result['killed_in']:16} {result['reused']:2} reused: {verdict}"
    )


if __name__ == "__main__":
    main()
