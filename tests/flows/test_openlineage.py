"""A whole run as OpenLineage is told of it."""

import json
from pathlib import Path

from tests.flows.conftest import Finished, Up
from tests.workspaces import rsft


def test_every_stage_is_told_and_the_data_sets_link_them(
    finished: Finished, again: Path, up: Up
) -> None:
    file = again / "events.jsonl"
    (again / "openlineage.yml").write_text(
        f"transport: {{type: file, log_file_path: {file}, append: true}}\n"
    )
    done = rsft(again, "run", "--json", **up.environment)
    assert done.returncode == 0, done.stderr
    assert "OpenLineage" not in done.stderr
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert {event["eventType"] for event in events} == {"START", "COMPLETE"}
    assert all(len([e for e in events if e["run"] == event["run"]]) <= 2 for event in events)
    ended = {e["job"]["name"]: e for e in events if e["eventType"] == "COMPLETE"}
    tag = json.loads(done.stdout)["tag"]
    assert ended["retrain"]["job"]["facets"]["sourceCodeLocation"]["tag"] == tag
    made = {out["name"]: out for event in ended.values() for out in event["outputs"]}
    read = {found["name"] for event in ended.values() for found in event["inputs"]}
    assert read - made.keys() == {"data/raw", "data/forgotten.jsonl"}
    accepted = made["data/rounds/1/accepted"]
    rows = accepted["outputFacets"]["outputStatistics"]["rowCount"]
    assert rows == finished.summary["rounds"][0]["accepted"]
    assert "reward" in {field["name"] for field in accepted["facets"]["schema"]["fields"]}
    (judged,) = [
        found["inputFacets"]["dataQualityAssertions"]["assertions"]
        for found in ended["retrain.validate@1"]["inputs"]
        if "dataQualityAssertions" in found["inputFacets"]
    ]
    assert len(judged) > 50
