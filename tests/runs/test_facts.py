"""What the manifest says of a run besides its stages."""

import json
from pathlib import Path
from typing import Any

import pytest

from rsft.ledger import write_rows
from rsft.lineage import OutRecord, StageRun
from rsft.runs.facts import (
    base_facts,
    environment_facts,
    expectation_facts,
    monitor_facts,
    policy_facts,
    scorer_facts,
    table_rows,
)
from rsft.types import TrainingRow
from tests.stages.cases import row, settings

OUT = OutRecord(hash="ab.dir", size=1, files=2)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def leave(path: str, document: dict[str, Any]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(document))


def scorers(*assignments: str, code: str = "c0", raw: str = "r0") -> dict[str, Any]:
    deps = {"rsft/score": code, "data/raw": raw}
    run = StageRun(name="score@1", state="ran", seconds=1.0, deps=deps, outs={})
    return scorer_facts(settings(*assignments), {"score@1": run})


def test_rows_are_counted_by_table_and_a_folder_of_parts_is_one() -> None:
    for name, count in (("part-00000", 2), ("part-00001", 1)):
        rows = [row(number, "a") for number in range(count)]
        write_rows(Path(f"data/accepted/{name}.parquet"), TrainingRow, rows)
    write_rows(Path("data/pool/kept.parquet"), TrainingRow, [row(0, "a")])
    write_rows(Path("data/pool/seen.parquet"), TrainingRow, [])
    write_rows(Path("data/draws.parquet"), TrainingRow, [row(0, "a"), row(1, "b")])
    leave("data/pool/diagnostics.json", {})
    outs = ("data/accepted", "data/pool", "data/draws.parquet", "data/pool/diagnostics.json")
    assert table_rows(outs) == {
        "data/accepted": 3,
        "data/draws.parquet": 2,
        "data/pool/kept.parquet": 1,
        "data/pool/seen.parquet": 0,
    }


def test_the_environment_names_packages_by_version() -> None:
    found = environment_facts(settings("runtime.threads=3"))
    assert found["threads"] == 3
    assert found["packages"]["rsft"] == "0.1.0"
    assert list(found["packages"]) == sorted(found["packages"])
    assert found["python"].startswith("3.11.")


@pytest.mark.parametrize(
    ("model", "source"),
    [("scratch", "scratch"), ("data/raw/base", "folder"), ("google-t5/t5-small", "hub")],
)
def test_the_base_says_where_it_came_from(model: str, source: str) -> None:
    config = settings(f"base.model={model}", "base.revision=abc")
    found = base_facts(config, {"data/base/model": OUT})
    assert found == {"source": source, "name": model, "revision": "abc", "hash": "ab.dir"}


def test_scorers_have_the_same_fingerprint_as_long_as_they_judge_the_same() -> None:
    found = scorers()
    assert found["rewards"] == [{"name": "worked_solution", "weight": 1.0, "model": None}]
    assert scorers(raw="r1") == found  # no reward is made of what lies there
    others = (scorers(code="c1"), scorers("score.timeout_seconds=9"))
    assert len({found["fingerprint"], *(other["fingerprint"] for other in others)}) == 3


@pytest.mark.parametrize(
    ("assignments", "model"),
    [
        (("score.rewards={'mine:judge': 1}",), None),
        (
            ("score.reward_model={model: data/raw/judge}", "score.rewards={reward_model: 1}"),
            "data/raw/judge",
        ),
    ],
)
def test_scorers_from_data_raw_change_with_it(
    assignments: tuple[str, ...], model: str | None
) -> None:
    found = scorers(*assignments)
    assert found["rewards"][0]["model"] == model
    assert scorers(*assignments, raw="r1")["fingerprint"] != found["fingerprint"]


def test_a_model_from_the_hub_is_named_with_its_revision() -> None:
    section = "score.target_model={model: org/model, revision: abc}"
    found = scorers(section, "score.rewards={target_model: 1}")
    assert found["rewards"][0]["model"] == "org/model@abc"
    assert scorers(section, "score.rewards={target_model: 1}", raw="r1") == found


def test_expectations_are_told_by_round_with_where_the_verdict_is() -> None:
    failed = [{"summary": "rows (observed 1; min_rows = 9)", "severity": "critical"}]
    verdict = {"success": False, "evaluated": 34, "failed": failed, "warnings": []}
    leave("data/rounds/1/validation/verdict.json", verdict)
    found = expectation_facts(settings(), {"data/rounds/1/validation": OUT})
    assert found == {
        "1": {
            "success": False,
            "evaluated": 34,
            "failed": ["rows (observed 1; min_rows = 9)"],
            "warnings": [],
            "path": "data/rounds/1/validation",
            "hash": "ab.dir",
        }
    }


@pytest.mark.parametrize(
    ("stopped", "tripped"),
    [
        (None, []),
        ({"kind": "stalled", "round": 1, "reason": "no new best; really"}, []),
        ({"kind": "collapsed", "round": 1, "reason": "one is low; two is high"},
         ["one is low", "two is high"]),
    ],
)  # fmt: skip
def test_monitors_say_what_tripped(stopped: dict[str, Any] | None, tripped: list[str]) -> None:
    line = None if stopped is None else "why"
    leave("data/rounds/1/monitor.json", {"stopped": stopped})
    leave("data/rounds/1/handed_on.json", {"stopped": line, "round": 0})
    assert monitor_facts(settings()) == {"1": {"stopped": line, "round": 0, "tripped": tripped}}


def test_the_policy_is_pinned_by_its_hash() -> None:
    assert policy_facts() is None
    leave("mlflow/policy.yaml", {})
    sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of {}
    assert policy_facts() == {"path": "mlflow/policy.yaml", "sha256": sha256}
