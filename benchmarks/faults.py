"""The faults that an audit must find, planted one by one in a finished run.

    python -m benchmarks.faults [--quick] [--json]

A workspace of tiny settings runs twice, a model is promoted by hand, and the audit passes. Then
each fault is planted, audited and taken back; at the end the audit must pass again, so that
nothing was lost. ``--quick`` leaves out those that take runs of their own.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.fault_list import FAULTS, WITH_RUNS, Fault
from benchmarks.fault_plants import Place, start
from rsft.lineage import Workspace, read_runs
from rsft.registry import Registry
from rsft.runs.record import promote
from tests.workspaces import make_workspace


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
    promote(
        place.workspace,
        place.registry,
        name="rsft",
        version=2,
        run=place.run,
        details={"reason": "for the trial", "against": None},
    )
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
