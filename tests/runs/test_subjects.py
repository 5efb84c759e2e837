"""What a person may name."""

from pathlib import Path

import pytest

from rsft.errors import ConfigurationError, LineageError
from rsft.lineage import Workspace
from rsft.runs.subjects import find_subject, model_name, require_model
from tests.runs.records import FIRST, SECOND, make_checkout, make_run


@pytest.mark.parametrize(
    ("text", "version", "run"),
    [
        ("rsft@champion", 1, FIRST),
        ("@champion", 1, FIRST),
        ("rsft@challenger", 2, SECOND),
        ("rsft/2", 2, SECOND),
        ("/1", 1, FIRST),
        (FIRST, None, FIRST),
        (f"run/{SECOND}", None, SECOND),
    ],
)
def test_versions_aliases_and_runs(
    recorded: Workspace, text: str, version: int | None, run: str
) -> None:
    found = find_subject(recorded, text, "rsft")
    assert (found.run.run_id, found.dataset) == (run, None)
    assert (found.version and found.version.version) == version


@pytest.mark.parametrize(
    ("text", "path", "run"),
    [
        ("data/rounds/1/pool", "data/rounds/1/pool", SECOND),
        ("data/rounds/1/pool/", "data/rounds/1/pool", SECOND),
        ("data/raw", "data/raw", SECOND),
        ("e" * 32 + ".dir", "data/rounds/1/model", FIRST),
        ("e" * 32, "data/rounds/1/model", FIRST),
        ("9" * 32, "data/rounds/1/evaluation.json", SECOND),
    ],
)
def test_a_data_set_is_that_of_the_latest_run_that_has_it(
    recorded: Workspace, text: str, path: str, run: str
) -> None:
    found = find_subject(recorded, text, "rsft")
    assert (found.dataset, found.run.run_id, found.version) == (path, run, None)


@pytest.mark.parametrize("text", ["rsft/3", "rsft@v1", "rsft@", "rsft@nobody"])
def test_a_version_that_is_not_on_record_is_an_error_that_says_which_are(
    recorded: Workspace, text: str
) -> None:
    with pytest.raises(LineageError, match=r"no version on record here; .*: rsft/1, rsft/2$"):
        find_subject(recorded, text, "rsft")


@pytest.mark.parametrize("text", ["nothing", "", "data", "data/rounds/9/pool", "--all", "*", "\n"])
def test_what_names_nothing_is_an_error_that_says_what_one_may_write(
    recorded: Workspace, text: str
) -> None:
    with pytest.raises(LineageError, match="is no version, alias, run or data set"):
        find_subject(recorded, text, "rsft")


def test_runs_beyond_the_first_hundred_are_searched_too(
    recorded: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsft.lineage.runs._TOGETHER", 1)
    assert find_subject(recorded, "e" * 32, "rsft").run.run_id == FIRST


def test_the_model_has_the_name_that_the_settings_give_it(
    recorded: Workspace, tmp_path: Path
) -> None:
    assert model_name(recorded) == "rsft"
    workspace = make_checkout(tmp_path)
    for text in ("seed: 1\n", "register: [\n", "register: 3\n"):
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(ConfigurationError, match=r"params\.yaml: no register\.name in it"):
            model_name(workspace)


def test_a_mistyped_model_is_told(recorded: Workspace) -> None:
    require_model(recorded, "rsft")
    with pytest.raises(LineageError, match="'rfst' is no model of this checkout; there are: rsft;"):
        require_model(recorded, "rfst")


def test_a_model_whose_runs_are_not_registered_yet_is_one(tmp_path: Path) -> None:
    workspace = make_checkout(tmp_path)
    with pytest.raises(LineageError, match="there are: none"):
        require_model(workspace, "new")
    make_run(workspace, FIRST, params={"register": {"name": "new"}})
    require_model(workspace, "new")
