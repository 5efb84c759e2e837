"""Whole runs whose database, registry, bucket, disk or clock fails them while they are at work.

    python -m benchmarks.outages [--only TEXT] [--json]

PostgreSQL, S3, Prefect's server and MLflow's stand on loopback. For each outage a fresh checkout of
tiny settings runs while it is brought about; where the run does not get to its end by that, it says
so in one line, and is run again once the outage is over. Either way all hashes must be those of a
run that nothing disturbed, nothing may be there twice or be owed, and the audit must be clean.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.outage_list import OUTAGES, Outage
from benchmarks.outage_plants import Place
from benchmarks.servers import Servers, all_servers
from benchmarks.tiny_runs import (
    audit,
    doubled_or_owed,
    hashes,
    left_over,
    make_template,
    new_checkout,
)
from rsft.registry import Registry, list_versions


def main() -> None:
    """Prints one line per outage; exits with 1 where one ended otherwise than it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON document")
    parser.add_argument("--only", default="", metavar="TEXT", help="those whose names hold it")
    parser.add_argument("--keep", action="store_true", help="leave the checkouts")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="outages-")).resolve()
    results: list[dict[str, Any]] = []
    chosen = [outage for outage in OUTAGES if arguments.only in outage.name]
    try:
        with ExitStack() as stack:
            template = make_template(folder / "template", "finetune.checkpoint_steps=5")
            finished, expected = undisturbed(template)
            servers = None
            if any(outage.has_servers for outage in chosen):
                servers = stack.enter_context(all_servers(folder))
                os.environ |= servers.environment  # for the look at MLflow's versions
            for number, outage in enumerate(chosen):
                cache = template if outage.at == "a stage" else finished
                at = servers if outage.has_servers else None
                place = make_place(template, f"outage-{number}", cache, at)
                results.append(survive(place, outage, expected))
                print(line(results[-1]), flush=True)
    finally:
        if arguments.keep:
            print(folder)
        else:
            shutil.rmtree(folder)
    right = sum(not result["problems"] for result in results)
    print(f"{right} of {len(results)} outages survived")
    if arguments.json:
        print(json.dumps(results, indent=2))
    sys.exit(0 if right == len(results) else 1)


def make_place(template: Path, name: str, cache: Path, servers: Servers | None) -> Place:
    """A checkout whose remote is a folder of its own, in the bucket where there is one."""
    settings = "    url = ../.rsft/remote\n"
    if servers is not None:
        settings = f"    url = s3://dvc/{name}\n    read_timeout = 5\n    connect_timeout = 5\n"
    return Place(folder=new_checkout(template, name, settings, cache), at=servers)


def undisturbed(template: Path) -> tuple[Path, Mapping[str, str]]:
    """A checkout that nothing disturbed, and hash by path of what its run made."""
    place = make_place(template, "undisturbed", template, None)
    began = time.monotonic()
    run = place.start()
    assert run.end() == 0, run.said
    print(f"undisturbed: {time.monotonic() - began:.0f} s", flush=True)
    return place.folder, hashes(place.folder)


def survive(place: Place, outage: Outage, expected: Mapping[str, str]) -> dict[str, Any]:
    """Brings an outage about, runs again if need be, and looks at what there is then."""
    before = place.states()
    with place.until_the_end:
        began = time.monotonic()
        run = outage.strike(place)
        codes = [run.end()]
        seconds = time.monotonic() - began
        told = next(
            (text for text in run.said.splitlines() if outage.told and outage.told in text), None
        )
        problems = [] if "Traceback" not in run.said else ["a traceback"]
        if outage.told is None and codes != [0]:
            problems.append(f"it did not go on by itself: {run.said.splitlines()[-1]}")
        if outage.told is not None:
            problems += [] if told else [f"it did not say {outage.told!r}"]
            codes.append(place.start().end())
        if codes[-1]:
            problems.append("run again, it failed")
        else:
            ours = hashes(place.folder)
            problems += [
                f"another hash: {path}" for path in expected if ours.get(path) != expected[path]
            ]
            problems += look(place)
    states = place.states() - before
    wanted = Counter("COMPLETED" if code == 0 else "FAILED" for code in codes)
    if states != wanted:
        problems.append(f"Prefect has {dict(states)}, not {dict(wanted)}")
    return {
        "outage": outage.name,
        "seconds": seconds,
        "codes": codes,
        "told": told,
        "problems": problems,
    }


def look(place: Place) -> list[str]:
    """What is wrong with a checkout whose last run has ended well."""
    address = place.environment.get(
        "MLFLOW_TRACKING_URI", f"sqlite:///{place.folder}/mlflow/mlflow.db"
    )
    registry = Registry.open(place.folder, address)
    versions = list_versions(registry, place.folder.name)
    problems = [] if versions == [1] else [f"versions {versions}"]
    experiments = [registry.experiment_id(place.folder.name)]
    running = registry.client.search_runs(experiments, "attributes.status = 'RUNNING'")
    problems += [f"MLflow has {run.info.run_name} at work" for run in running]
    problems += [*doubled_or_owed(place.folder), *left_over(place.folder)]
    return problems + list(audit(place.folder, place.environment))


def line(result: Mapping[str, Any]) -> str:
    """One outage for people."""
    how = f"ended with {result['told']!r}, and went on when run again"
    if result["told"] is None:
        how = "went on by itself"
    verdict = "; ".join(result["problems"]) or "hashes equal, audit clean"
    return f"{result['outage']} ({result['seconds']:.0f} s): {how}: {verdict}"


if __name__ == "__main__":
    main()
