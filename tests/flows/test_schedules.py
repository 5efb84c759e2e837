"""What is wrong with ``prefect.yaml`` is one line, before anything is deployed."""

from pathlib import Path

import pytest

from flows.schedules import require_deployable
from rsft.errors import ConfigurationError
from tests.workspaces import ROOT

GOOD = (ROOT / "prefect.yaml").read_text()


def test_the_projects_own_can_be_deployed() -> None:
    require_deployable(ROOT / "prefect.yaml")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"0 3 * * *"', '"0 3 * *"', "cron = '0 3 * *' of the deployment retrain: it must be five"),
        ('"0 5 * * *"', '"0 25 * * *"', "cron = '0 25 * * *' of the deployment audit: it must"),
        ('"0 5 * * *"', "5", "cron = 5 of the deployment audit: it must be five fields: minute"),
        ("UTC", "Mars/Olympus", "timezone = 'Mars/Olympus' of the deployment retrain: it must be"),
        ("name: rsft", "name: rsft\n\tx: y", "yaml:3: not YAML (found character '\\t' that"),
        ("deployments:", "deployed:", "yaml: it must have a list of deployments"),
        (GOOD, "", "yaml: it must have a list of deployments"),
    ],
)
def test_a_mistake_is_named(before: str, after: str, told: str, tmp_path: Path) -> None:
    assert before in GOOD
    file = tmp_path / "prefect.yaml"
    file.write_text(GOOD.replace(before, after, 1))
    with pytest.raises(ConfigurationError) as caught:
        require_deployable(file)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_only_prefect_can_tell_is_left_to_it(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(GOOD.replace('"0 3 * * *"', '"{{ prefect.variables.when }}"'))
    require_deployable(file)
    file.write_text(GOOD.replace('cron: "0 3 * * *"', "interval: 60"))
    require_deployable(file)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    with pytest.raises(ConfigurationError, match=r"cannot be read \(No such file or directory\)"):
        require_deployable(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"cannot be read \(not UTF-8\)"):
        require_deployable(file)
