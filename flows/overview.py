"""What Prefect's server knows of the flows, over HTTP: Prefect itself takes seconds to import."""

import os
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import httpx2

from rsft.errors import WorkspaceError

FLOWS = ("retrain", "promote", "prompts", "audit")
SKIPPED = "Skipped"
"""Name of the state of a run that was not worth it; it is one of those that are completed."""
RAISED = "Flow run encountered an exception: "
"""What Prefect puts before each error."""

REFUSED = "refuses this user; set PREFECT_API_AUTH_STRING=NAME:PASSWORD as its administrator says"
"""What a server does that wants to know who asks."""

_SECONDS = 5
_NOT_BEGUN = ("SCHEDULED", "PENDING")
_MOST_WAITING = 20


def ask_server(address: str) -> dict[str, Any]:
    """The last and the next run of each flow, and what waits for a person, for JSON.

    Args:
        address: Prefect's API, ending in ``/api``.

    Raises:
        WorkspaceError: Why nothing is known: it does not answer, refuses this user, or is none of
            Prefect's.
    """
    try:
        base = address.rstrip("/") + "/"
        with httpx2.Client(base_url=base, timeout=_SECONDS, auth=_account()) as client:
            return _told(client, address.rstrip("/").removesuffix("/api"))
    except httpx2.HTTPStatusError as error:
        if error.response.status_code == HTTPStatus.UNAUTHORIZED:
            raise WorkspaceError(f"{address} {REFUSED}") from None
        raise WorkspaceError(f"{address} answers {error.response.status_code}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise WorkspaceError(f"{address} does not answer; `rsft up` starts one") from None
    except (ValueError, KeyError, TypeError):
        raise WorkspaceError(f"{address} is no server of Prefect's") from None


def _account() -> tuple[str, str] | None:
    """Who asks, where the server wants to know; as Prefect's own client is told."""
    given = os.environ.get("PREFECT_API_AUTH_STRING")
    if given is None:
        return None
    user, _, password = given.partition(":")
    return user, password


def _told(client: httpx2.Client, ui: str) -> dict[str, Any]:
    deployed = {d["name"]: d for d in _ask(client, "deployments/filter", {})}
    flows = {}
    for name in FLOWS:
        last = _runs(client, name, "START_TIME_DESC", {"not_any_": _NOT_BEGUN}, limit=1)
        due = _runs(client, name, "EXPECTED_START_TIME_ASC", {"any_": ("SCHEDULED",)}, limit=1)
        flows[name] = {
            "last": _run(last[0], ui) if last else None,
            "next": due[0]["expected_start_time"] if due else None,
            "is_late": bool(due) and due[0]["state"]["name"] == "Late",
            "is_queued": bool(due) and due[0]["state"]["name"] == "AwaitingConcurrencySlot",
            "schedules": _schedules(deployed.get(name)),
        }
    paused = _runs(client, "promote", "START_TIME_DESC", {"any_": ("PAUSED",)}, _MOST_WAITING)
    waiting = [_run(run, ui) | {"version": run["parameters"].get("version")} for run in paused]
    return {"address": ui, "flows": flows, "waiting": waiting}


def _runs(
    client: httpx2.Client, flow: str, order: str, types: dict[str, Sequence[str]], limit: int
) -> list[dict[str, Any]]:
    asked = {
        "flows": {"name": {"any_": [flow]}},
        "flow_runs": {"state": {"type": types}},
        "sort": order,
        "limit": limit,
    }
    return _ask(client, "flow_runs/filter", asked)


def _ask(client: httpx2.Client, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post(path, json=asked)
    answer.raise_for_status()
    told: list[dict[str, Any]] = answer.json()
    return told


def _run(run: dict[str, Any], ui: str) -> dict[str, Any]:
    return {
        "state": run["state"]["name"],
        "at": run["state"]["timestamp"],
        "message": (run["state"]["message"] or "").removeprefix(RAISED),
        "link": f"{ui}/runs/flow-run/{run['id']}",
    }


def _schedules(deployment: dict[str, Any] | None) -> list[dict[str, Any]]:
    """When a deployment is due, and whether that is on."""
    if deployment is None:
        return []
    return [
        {"schedule": schedule["schedule"], "is_active": schedule["active"]}
        for schedule in deployment["schedules"]
    ]
