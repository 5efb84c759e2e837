"""A clock that is set while a deployed run is at work and another waits for its place.

    python -m benchmarks.stack_clocks [--steps 2000] [--json]

All of ``rsft up`` has that clock, Prefect's server too, which goes by it: for how long a place is
held, what is due, what is late. The second run must wait for the first, both must end well, with
the same hashes and one model, and the audit must be clean. A place is held for five minutes at a
time: training must take longer, or the clock that is set forth shows nothing.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.clocks import Clock
from benchmarks.outage_list import DAY, HOUR
from benchmarks.stack_kills import Stack, wait_until
from benchmarks.tiny_runs import audit, doubled_or_owed, left_over, workspace
from rsft.lineage import read_runs
from tests.workspaces import make_workspace

JUMPS = {"forth a day": DAY, "back an hour": -HOUR}


def main() -> None:
    """Prints one line per jump; exits with 1 where one ended otherwise than it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON document")
    parser.add_argument("--steps", type=int, default=2000, help="of training")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clocks-")).resolve()
    clock = Clock(folder / "clock")
    os.environ |= clock.environment
    results = []
    for name, seconds in JUMPS.items():
        place = make_workspace(folder / name.replace(" ", "-"), f"finetune.steps={arguments.steps}")
        results.append({"clock": name, **strike(place, clock, seconds)})
        clock.set(0)
        print(line(results[-1]), flush=True)
    shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(results, indent=2))
    sys.exit(1 if any(result["problems"] for result in results) else 0)


def strike(place: Path, clock: Clock, seconds: int) -> dict[str, Any]:
    """Sets the clock when there is something to train on, and has a second run wait."""
    trees = place / ".rsft" / "worktrees"
    decided = trees / "retrain" / "data" / "rounds" / "1" / "decisions"
    stack = Stack(place)
    try:
        stack.prefect("deployment", "run", "retrain/retrain")
        wait_until(decided.exists, "decisions", stack.runs)
        begun = stack.runs()[0]["id"]
        clock.set(seconds)
        began = time.monotonic()
        stack.prefect("deployment", "run", "retrain/retrain")
        states = stack.wait_until_over(2)
        took = time.monotonic() - began
        if {*states} == {"Completed"}:
            wait_until(lambda: not any(trees.glob("retrain*")), "the worktrees' end", stack.runs)
        second, first = sorted(stack.runs(), key=lambda run: bool(run["id"] == begun))
    finally:
        stack.stop()
    problems = [] if states == ["Completed"] * 2 else [f"ended {states}"]
    problems += [] if first["end_time"] <= second["start_time"] else ["both at once"]
    problems += judge(place)
    return {"seconds": took, "states": states, "problems": problems}


def judge(place: Path) -> Sequence[str]:
    """What is not as if nobody had touched the clock."""
    runs = read_runs(workspace(place))
    told = [] if len(runs) == 2 else [f"{len(runs)} tags of runs"]
    told += [] if all(run.stages == runs[0].stages for run in runs) else ["other hashes"]
    return [*told, *doubled_or_owed(place), *left_over(place), *audit(place, {})]


def line(result: dict[str, Any]) -> str:
    """One jump for people."""
    verdict = "; ".join(result["problems"]) or "one after the other, same hashes, audit clean"
    return f"the clock set {result['clock']} ({result['seconds']:.0f} s until both end): {verdict}"


if __name__ == "__main__":
    main()
