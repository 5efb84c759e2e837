"""What a run is refused for before it trains anything."""

from pathlib import Path

import pytest

from rsft.errors import ConfigurationError
from rsft.ledger import write_rows
from rsft.runs.readiness import require_control_rows
from rsft.stages.contract import split_file
from rsft.types import Prompt
from tests.stages.cases import prompt, settings


@pytest.fixture(autouse=True)
def without_labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(split_file("labelled"), Prompt, [prompt(0)])


def test_the_supervised_control_needs_solutions() -> None:
    wanted = settings("controls.names=[random, supervised]")
    with pytest.raises(ConfigurationError, match=r"controls\.names: 'supervised' is trained on"):
        require_control_rows(wanted)
    write_rows(split_file("labelled"), Prompt, [prompt(0), prompt(1, split="labelled")])
    require_control_rows(wanted)


@pytest.mark.parametrize(
    "more", ["controls.names=[random]", "controls={names: [supervised], rounds: []}"]
)
def test_a_run_without_it_needs_none(more: str) -> None:
    require_control_rows(settings(more))
