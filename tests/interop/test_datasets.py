"""What is told of a stage's data sets."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rsft.interop import open_events
from rsft.ledger import schema_of
from rsft.lineage import OutRecord, StageRun, Workspace
from rsft.types import PromptDraws
from tests.interop.conftest import Read, keep
from tests.interop.test_events import unwarned

ROWS = pa.table({"prompt_id": ["a", "b"], "weight": [1.0, None]})
LEAKS = pa.table({"kind": ["exact"]})
SECRET = "what the model wrote"
RESULT = {
    "results": [
        {
            "success": False,
            "expectation_config": {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"batch_id": "b", "column": "weight", "min_value": 0.0},
                "severity": "critical",
                "meta": {"id": "weight-in-range", "notes": "A row counts."},
            },
            "result": {
                "element_count": 2,
                "unexpected_count": 1,
                "partial_unexpected_list": [SECRET],
            },
        },
        {
            "success": True,
            "expectation_config": {
                "type": "expect_table_row_count_to_be_between",
                "kwargs": {"batch_id": "b", "max_value": 9},
                "severity": "warning",
                "meta": {"id": "row-count"},
            },
            "result": {"observed_value": 2},
        },
        {
            "success": True,
            "expectation_config": {
                "type": "expect_column_distinct_values_to_be_in_set",
                "kwargs": {"batch_id": "b", "column": "text"},
                "severity": "warning",
                "meta": {"id": "texts"},
            },
            "result": {"observed_value": [SECRET]},
        },
    ]
}


def parquet(table: pa.Table) -> bytes:
    with BytesIO() as file:
        pq.write_table(table, file)
        return file.getvalue()


def stage(name: str, deps: dict[str, str], outs: dict[str, OutRecord]) -> StageRun:
    return StageRun(name=name, state="ran", seconds=1.0, deps=deps, outs=outs)


def told(workspace: Workspace, read_events: Read, *stages: StageRun) -> list[dict[str, Any]]:
    """The events in which the stages are complete."""
    with open_events(workspace, run_id="r1", model="policy", warn=unwarned) as events:
        for done in stages:
            with events.told(done.name) as tell:
                tell(done)
    return [e for e in read_events() if e["eventType"] == "COMPLETE"][:-1]


def made(workspace: Workspace, read_events: Read, path: str, out: OutRecord) -> dict[str, Any]:
    (event,) = told(workspace, read_events, stage("s", {}, {path: out}))
    (found,) = event["outputs"]
    return found


def columns(fields: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(field["name"], field["type"]) for field in fields]


COLUMNS = [("prompt_id", "string"), ("weight", "double")]


def test_a_table_has_its_version_columns_rows_and_size(
    workspace: Workspace, read_events: Read
) -> None:
    out = keep(workspace, parquet(ROWS))
    found = made(workspace, read_events, "data/rounds/1/draws.parquet", out)
    assert (found["namespace"], found["name"]) == ("policy", "data/rounds/1/draws.parquet")
    assert found["facets"]["version"]["datasetVersion"] == out.hash
    assert columns(found["facets"]["schema"]["fields"]) == COLUMNS
    statistics = found["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (2, out.size, 1)


def test_the_columns_of_a_record_say_what_they_mean(
    workspace: Workspace, read_events: Read
) -> None:
    out = keep(workspace, parquet(schema_of(PromptDraws).empty_table()))
    found = made(workspace, read_events, "data/rounds/1/draws.parquet", out)
    first = found["facets"]["schema"]["fields"][0]
    assert first == {
        "name": "prompt_id",
        "type": "string",
        "description": "The prompt.",
        "ordinal_position": 1,
        "fields": [],
    }


def test_a_folder_of_parts_is_one_table(workspace: Workspace, read_events: Read) -> None:
    parts = {"part-0.parquet": parquet(ROWS), "part-1.parquet": parquet(ROWS), "x.json": b"{}"}
    found = made(workspace, read_events, "data/rounds/1/decisions", keep(workspace, parts))
    assert columns(found["facets"]["schema"]["fields"]) == COLUMNS
    statistics = found["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (4, 3)


def test_a_folder_of_different_tables_has_each_by_its_name(
    workspace: Workspace, read_events: Read
) -> None:
    tables = {"train.parquet": parquet(ROWS), "leaks/leaks.parquet": parquet(LEAKS)}
    found = made(workspace, read_events, "data/prompts", keep(workspace, tables))
    leaks, train = found["facets"]["schema"]["fields"]
    assert (leaks["name"], leaks["description"]) == ("leaks/leaks.parquet", "a table of 1 rows")
    assert columns(train["fields"]) == COLUMNS
    assert "rowCount" not in found["outputFacets"]["outputStatistics"]


def test_a_model_has_no_columns(workspace: Workspace, read_events: Read) -> None:
    out = keep(workspace, {"model.safetensors": b"weights", "config.json": b"{}"})
    found = made(workspace, read_events, "data/rounds/1/model", out)
    assert set(found["facets"]) == {"version"}
    assert found["outputFacets"]["outputStatistics"]["size"] == 9


def test_what_one_stage_made_is_what_another_read(workspace: Workspace, read_events: Read) -> None:
    """Of a folder some stages read single files: it is still the same data set."""
    prompts = keep(workspace, {"a.parquet": parquet(ROWS), "b.parquet": parquet(ROWS)})
    read = {"data/prompts/a.parquet": "aaa", "data/prompts/b.parquet": "bbb", "rsft/x.py": "c0de"}
    _, base, score = told(
        workspace,
        read_events,
        stage("prompts", {}, {"data/prompts": prompts}),
        stage("base", read, {}),
        stage("score", {"data/prompts": prompts.hash}, {}),
    )
    for event in (base, score):
        (found,) = event["inputs"]
        assert found["name"] == "data/prompts"
        assert found["facets"]["version"]["datasetVersion"] == prompts.hash
    assert base["inputs"][0]["inputFacets"]["subset"]["inputCondition"] == {
        "type": "location",
        "locations": ["data/prompts/a.parquet", "data/prompts/b.parquet"],
    }
    assert "subset" not in score["inputs"][0]["inputFacets"]


def test_what_the_user_brought_is_linked_to_its_place(
    workspace: Workspace, read_events: Read
) -> None:
    (event,) = told(workspace, read_events, stage("prompts", {"data/raw": "5eed.dir"}, {}))
    (found,) = event["inputs"]
    assert found["facets"]["version"]["datasetVersion"] == "5eed.dir"
    assert found["facets"]["symlinks"]["identifiers"] == [
        {"namespace": "file", "name": str(workspace.root / "data/raw"), "type": "LOCATION"}
    ]


def test_expectations_are_told_of_the_rows_that_were_judged(
    workspace: Workspace, read_events: Read
) -> None:
    verdict = keep(workspace, {"result.json": json.dumps(RESULT).encode()})
    outs = {"data/rounds/1/validation": verdict}
    deps = {"data/rounds/1/accepted": "acc.dir", "data/rounds/1/decisions": "dec.dir"}
    (event,) = told(workspace, read_events, stage("validate@1", deps, outs))
    accepted, decisions = event["inputs"]
    assert "dataQualityAssertions" not in decisions["inputFacets"]
    weight, count, texts = accepted["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert weight == {
        "assertion": "expect_column_values_to_be_between",
        "success": False,
        "column": "weight",
        "severity": "error",
        "name": "weight-in-range",
        "description": "A row counts.",
        "actual": "1 of 2 rows do not meet it",
        "params": {"min_value": 0.0},
    }
    assert (count["severity"], count["actual"]) == ("warn", "2")
    assert "actual" not in texts


def test_no_row_of_the_data_leaves_the_machine(
    workspace: Workspace, read_events: Read, tmp_path: Path
) -> None:
    verdict = keep(workspace, {"result.json": json.dumps(RESULT).encode()})
    rows = keep(workspace, parquet(pa.table({"text": [SECRET]})))
    outs = {"data/rounds/1/validation": verdict, "data/x.parquet": rows}
    told(workspace, read_events, stage("validate@1", {"data/rounds/1/accepted": "a.dir"}, outs))
    assert SECRET not in (tmp_path / "events.jsonl").read_text()


def test_a_round_that_was_not_judged_has_no_assertions(
    workspace: Workspace, read_events: Read
) -> None:
    outs = {"data/rounds/1/validation": keep(workspace, {"verdict.json": b"{}"})}
    (event,) = told(
        workspace, read_events, stage("validate@1", {"data/rounds/1/accepted": "a.dir"}, outs)
    )
    assert event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"] == []
