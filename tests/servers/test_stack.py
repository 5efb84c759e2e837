"""Whoever works beside ``rsft up`` uses its server, and needs to be told of none."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsft.servers import hold_stack, use_stack

API = "http://127.0.0.1:4321/api"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", "")  # so that what a test sets is taken back
        del os.environ["PREFECT_API_URL"]
        yield


def test_the_server_of_the_stack_that_runs_is_used(tmp_path: Path) -> None:
    assert use_stack(tmp_path) is None
    with hold_stack(tmp_path, {"Prefect": "http://127.0.0.1:4321"}):
        assert use_stack(tmp_path) == API
    assert os.environ["PREFECT_API_URL"] == API


def test_one_that_the_environment_names_comes_first(tmp_path: Path) -> None:
    os.environ["PREFECT_API_URL"] = "https://prefect.example.org/api"
    with hold_stack(tmp_path, {"Prefect": "http://127.0.0.1:4321"}):
        assert use_stack(tmp_path) == "https://prefect.example.org/api"


def test_of_one_that_was_killed_nothing_is_used(tmp_path: Path) -> None:
    (tmp_path / ".rsft").mkdir()
    told = f'{{"process": 1, "since": "", "addresses": {{"Prefect": "{API}"}}}}'
    (tmp_path / ".rsft" / "up.json").write_text(told)
    assert use_stack(tmp_path) is None
