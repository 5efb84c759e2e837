"""A row of a real run is followed to its model, forgotten, purged, and in no later run."""

import json
import subprocess
import sys
from pathlib import Path

from rsft.ledger import read_rows
from rsft.types import TrainingRow
from tests.flows.conftest import Finished
from tests.workspaces import clean_environment, git, rsft

HEAVY = ("great_expectations", "mlflow", "prefect", "torch", "transformers")


def kept_row(folder: Path) -> TrainingRow:
    """A drawn row that the first round trained on."""
    rows = read_rows(folder / "data/rounds/1/pool/kept.parquet", TrainingRow)
    return next(row for row in rows if row.round == 1)


def test_a_row_is_explained_from_the_cache_by_light_means(finished: Finished) -> None:
    row = kept_row(finished.folder)
    name = f"{row.prompt_id}:1:{row.draw}"
    code = (
        "import sys; from rsft.cli import main\n"
        f"sys.argv = ['rsft', 'explain', {name!r}, '--json']\n"
        "try: main()\n"
        f"finally: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=finished.folder,
        env=clean_environment(finished.folder, PYTHONPATH=str(finished.folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert done.stderr.splitlines()[-1] == "[]"
    assert found["completion"] == row.completion
    assert found["candidate"]["is_accepted"]
    assert found["candidate"]["coin"] < found["candidate"]["accept_prob"] <= 1
    assert found["pool"] == [{"round": 1, "fate": "kept"}]
    assert found["models"][0]["path"] == "data/rounds/1/trained"
    *_, latest = git(finished.folder, "tag", "--list", "run/*").split()
    assert f"run/{found['run_id']}" == latest


def test_a_person_is_told_in_one_line_what_is_wrong(finished: Finished) -> None:
    for arguments, message in (
        (("explain", "nobody:1:0"), "has no prompt 'nobody'"),
        (("forget", "--source", "nowhere"), "no run of this checkout has prompts of 'nowhere'"),
        (("trace",), "name one prompt, or one of --source"),
    ):
        done = rsft(finished.folder, *arguments)
        assert done.returncode == 2
        assert message in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr


def test_what_is_forgotten_is_purged_and_the_next_run_is_proven_free_of_it(again: Path) -> None:
    row = kept_row(again)
    before = json.loads(rsft(again, "trace", row.prompt_id, "--json").stdout)
    done = rsft(
        again, "forget", row.prompt_id, "--purge", "--yes", "--reason", "asked to", "--json"
    )
    assert done.returncode == 0, done.stderr
    purged = json.loads(done.stdout)["purged"]
    assert purged["tag"] == "purge/1"
    held = {file["hash"] for run in before["runs"] for file in run["files"]}
    assert purged["cached"] == len(held) > 5
    assert not (again / "data/prompts/train.parquet").exists()
    git(again, "commit", "--quiet", "--all", "--message=Forget")
    ran = rsft(again, "run")
    assert ran.returncode == 0, ran.stderr
    assert "prompts left out, to be forgotten: 1 of train" in ran.stdout
    traced = rsft(again, "trace", row.prompt, "--json")
    assert traced.returncode == 0
    *earlier, last = json.loads(traced.stdout)["runs"]
    assert [run["state"] for run in earlier] == ["purged"] * len(before["runs"])
    assert [run["models"] for run in earlier] == [run["models"] for run in before["runs"]]
    assert last["state"] == "free"
    assert last["looked_through"] > 20
    assert last["unread"] == []
