"""Whether ``prefect.yaml`` can be deployed, as far as its YAML and its cron schedules go.

Asked before Prefect deploys: it makes what stands before a mistake, and tells of that in lines of a
log that name neither the deployment nor what would do.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.schedules import CronSchedule
from pydantic import ValidationError

from rsft.errors import ConfigurationError

_WANTED = {
    "cron": "five fields: minute, hour, day, month, day of the week, such as '0 3 * * *'",
    "timezone": "a name of the IANA's, such as Europe/Berlin",
}


def require_deployable(file: Path) -> None:
    """Checks the file of deployments.

    Args:
        file: ``prefect.yaml``.

    Raises:
        ConfigurationError: Where it cannot be read, is no YAML, has no deployments, or has a
            schedule that is none.
    """
    for name, schedule in _schedules(_read(file)):
        given = {key: schedule[key] for key in _WANTED if key in schedule}
        if "cron" not in given or any("{{" in str(value) for value in given.values()):
            continue  # of another kind, or known to Prefect only
        try:
            CronSchedule(**given)
        except ValidationError as failure:
            key = str(failure.errors()[0]["loc"][0])
            raise ConfigurationError(
                f"{file}: {key} = {given[key]!r} of the deployment {name}: it must be "
                f"{_WANTED[key]}"
            ) from None


def _read(file: Path) -> list[Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigurationError(f"{file}: cannot be read ({why}); bring it back by git") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or "no document"
        raise ConfigurationError(f"{file}{line}: not YAML ({why})") from None
    found = document.get("deployments") if isinstance(document, dict) else None
    if not isinstance(found, list) or not found:
        raise ConfigurationError(f"{file}: it must have a list of deployments; see the README")
    return found


def _schedules(deployments: list[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each schedule with the name of its deployment; what is of another shape Prefect refuses."""
    for deployment in deployments:
        if isinstance(deployment, dict) and isinstance(deployment.get("schedules"), list):
            for schedule in deployment["schedules"]:
                if isinstance(schedule, dict):
                    yield deployment.get("name"), schedule
