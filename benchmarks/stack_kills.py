"""Parts of ``rsft up`` killed by SIGKILL while a deployed run is at work, and what comes of it.

    python -m benchmarks.stack_kills [--json]

A run by hand in a workspace of tiny settings says which hashes are right. Then each fault has a
stack and a run of its own, started as a schedule would, and strikes at a random moment. A run that
died is gone on with by ``prefect flow-run retry``, or by the next one. Either way one run must end
in those hashes, in the worktree that was begun, and the audit must be clean.
"""

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.killing import conclude, parser
from rsft.lineage import Workspace, read_runs
from rsft.servers.processes import processes_of
from tests.flows.conftest import free_ports
from tests.workspaces import clean_environment, git, make_workspace, rsft

SEED = 0
PATIENCE = 500
"""Seconds that a run may take on a busy machine."""
SETTLED_SECONDS = 30
"""A worker reports a death twice; the second report, 10 s later, undoes a retry in between."""
MARKS = ("base/model", "rounds/1/candidates", "rounds/1/decisions", "rounds/1/trained")
"""Outputs, one of which must be there before a fault strikes."""
OVER = {"Completed", "Crashed", "Failed", "Cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is killed."""

    name: str
    """What people call it."""
    parts: frozenset[str]
    """Of the stack: up, worker, server, run."""
    then: str
    """Who goes on with a run that died: retry, or next."""


FAULTS = (
    Fault(name="run", parts=frozenset({"run"}), then="retry"),
    Fault(name="worker", parts=frozenset({"worker"}), then="retry"),
    Fault(name="worker and run", parts=frozenset({"worker", "run"}), then="next"),
    Fault(
        name="everything", parts=frozenset({"up", "worker", "server", "run", "other"}), then="next"
    ),
    Fault(name="server", parts=frozenset({"server"}), then="retry"),
)


class Stack:
    """``rsft up`` of a checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = free_ports(3)
        self.api = f"http://127.0.0.1:{self.ports[0]}/api"
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        names = ("--prefect-port", "--mlflow-port", "--docs-port")
        options = [text for n, p in zip(names, self.ports, strict=True) for text in (n, str(p))]
        process = subprocess.Popen(
            [sys.executable, "-m", "rsft", "up", *options],
            cwd=self.folder,
            env=clean_environment(self.folder),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith("Ctrl-C"):
            assert line, f"rsft up ended with {process.wait()}"
        return process

    def stop(self) -> None:
        """Ends it as a service manager would."""
        self._process.terminate()
        self._process.communicate()

    def kill(self, parts: frozenset[str]) -> None:
        """Kills parts of it; starts it again where it is itself among them."""
        struck = [p for p in processes_of(self.folder) if part_of(p) in parts]
        if "up" in parts:
            self._process.kill()
        for process in struck:
            process.send_signal(signal.SIGKILL)
        if "up" in parts:
            self._process.communicate()
            self._process = self._start()

    def prefect(self, *arguments: str) -> None:
        """Runs Prefect's command line against its server."""
        environment = clean_environment(
            self.folder,
            PREFECT_API_URL=self.api,
            PREFECT_HOME=str(self.folder / ".rsft" / "prefect"),
        )
        command = [sys.executable, "-m", "prefect", *arguments]
        subprocess.run(
            command, cwd=self.folder, env=environment, check=True, stdout=subprocess.DEVNULL
        )

    def runs(self) -> list[dict[str, Any]]:
        """The retraining runs that Prefect knows, the oldest first."""
        asked = {"flows": {"name": {"any_": ["retrain"]}}, "sort": "START_TIME_ASC"}
        answer = httpx2.post(f"{self.api}/flow_runs/filter", json=asked, timeout=30)
        answer.raise_for_status()
        told: list[dict[str, Any]] = answer.json()
        return told

    def wait_until_over(self, count: int) -> list[str]:
        """States of the runs, once there are so many and all are over."""
        states: list[str] = []

        def are_over() -> bool:
            try:
                states[:] = [run["state_name"] for run in self.runs()]
            except httpx2.HTTPError:  # it is away
                return False
            return len(states) == count and {*states} <= OVER

        wait_until(are_over, f"{count} runs over", lambda: states)
        return states


def part_of(process: psutil.Process) -> str:
    """What a process of a stack is."""
    try:
        command = " ".join(process.cmdline())
        if "PREFECT__FLOW_RUN_ID" in process.environ():
            return "run"
    except psutil.Error:
        return "gone"
    known = {"flows.worker": "worker", "flows.serving": "server"}
    return next((part for text, part in known.items() if text in command), "other")


def main() -> None:
    """Prints one line per fault; exits with 1 where a run ended otherwise."""
    asked = parser(__doc__, kills=len(FAULTS))
    arguments = asked.parse_args()
    chosen = random.Random(SEED)
    results: list[dict[str, Any]] = []
    folder = Path(tempfile.mkdtemp()).resolve()
    undisturbed = make_workspace(folder / "undisturbed")
    fresh = shutil.copytree(undisturbed, folder / "fresh")
    done = rsft(undisturbed, "run")
    assert done.returncode == 0, done.stderr
    expected = hashes(undisturbed)
    for fault in FAULTS[: arguments.kills]:
        place = shutil.copytree(fresh, folder / fault.name.replace(" ", "-"))
        stack = Stack(place)
        try:
            results.append(strike(stack, fault, chosen))
        finally:
            stack.stop()
        results[-1] |= judge(place, results[-1], expected)
        print(line(results[-1]), flush=True)
    if all(result["is_same"] for result in results):
        shutil.rmtree(folder)
    else:
        print(f"those that went wrong are in {folder}")
    conclude(results, "the hashes of the undisturbed run", as_json=arguments.json, seed=SEED)


def strike(stack: Stack, fault: Fault, chosen: random.Random) -> dict[str, Any]:
    """Kills during a run, and has it gone on with where that has ended it."""
    mark, delay = chosen.choice(MARKS), chosen.uniform(0, 1)
    stack.prefect("deployment", "run", "retrain/retrain")
    tree = stack.folder / ".rsft" / "worktrees" / "retrain"
    wait_until((tree / "data" / mark).exists, mark, lambda: "")
    time.sleep(delay)
    stack.kill(fault.parts)
    states = stack.wait_until_over(1)
    is_there = tree.exists()
    time.sleep(SETTLED_SECONDS if states != ["Completed"] else 0)
    if states != ["Completed"] and fault.then == "retry":
        stack.prefect("flow-run", "retry", stack.runs()[0]["id"])
        final = stack.wait_until_over(1)
    elif states != ["Completed"]:
        stack.prefect("deployment", "run", "retrain/retrain")
        final = stack.wait_until_over(2)
    else:
        final = states
    if final[-1] == "Completed":
        wait_until(lambda: not tree.exists(), "the worktree's end", tree.exists)
    return {
        "killed": fault.name,
        "after": mark,
        "state": states[0],
        "then": fault.then if final != states else None,
        "final": final,
        "was_kept": is_there or states == ["Completed"],
    }


def judge(place: Path, result: Mapping[str, Any], expected: Any) -> dict[str, Any]:
    """Whether all is as if nothing had been killed."""
    audit = rsft(place, "audit", "--all")
    trees = [*(place / ".rsft" / "worktrees").glob("retrain*")]
    problems = [
        *([f"audit: {audit.stdout.strip()}"] if audit.returncode else []),
        *(["other hashes"] if hashes(place) != expected else []),
        *([f"ended {result['final']}"] if result["final"][-1] != "Completed" else []),
        *(["its worktree was not kept"] if not result["was_kept"] else []),
        *(f"left over: {tree}" for tree in trees),
        *(
            f"tags {pattern}: {found}"
            for pattern in ("run/*", "*@v*")
            if len(found := git(place, "tag", "--list", pattern).split()) != 1
        ),
        *(f"still at work: {process}" for process in processes_of(place)),
    ]
    return {"problems": problems, "is_same": not problems}


def hashes(folder: Path) -> Any:
    """What the last run recorded of its stages; null where none ended."""
    runs: Sequence[Any] = read_runs(Workspace(root=folder, home=folder))
    return runs[-1].stages if runs else None


def line(result: Mapping[str, Any]) -> str:
    """One fault for people."""
    verdict = "the same" if result["is_same"] else f"OTHERWISE: {'; '.join(result['problems'])}"
    by = f", gone on with by {result['then']}: {result['final'][-1]}" if result["then"] else ""
    return f"{result['killed']} after {result['after']}: {result['state']}{by}: {verdict}"


def wait_until(is_so: Callable[[], bool], what: str, seen: Callable[[], object]) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s; {seen()}"
        time.sleep(0.05)


if __name__ == "__main__":
    main()
