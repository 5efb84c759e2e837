"""The card of a run's model, as a person asks for it and as it lies beside the model."""

from tests.flows.conftest import Finished
from tests.workspaces import rsft


def test_a_run_s_card_is_the_one_beside_its_model(finished: Finished) -> None:
    done = rsft(finished.folder, "card", finished.summary["run_id"])
    assert done.returncode == 0, done.stderr
    (file,) = finished.folder.glob("mlflow/artifacts/models/*/artifacts/README.md")
    assert done.stdout == file.read_text()
    assert f"run/{finished.summary['run_id']}" in done.stdout
    right = finished.summary["rounds"][0]["sets"]["eval"]["accuracy"]
    assert f"| round 1 | {right:.1%} [" in done.stdout


def test_a_data_set_has_no_card(finished: Finished) -> None:
    done = rsft(finished.folder, "card", "data/rounds/1/accepted")
    assert done.returncode == 2
    assert done.stderr.startswith("error: 'data/rounds/1/accepted' is a data set, and a card is")
