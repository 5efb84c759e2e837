"""Being told: automations of Prefect's server, declared here and applied again and again.

Each sends one line with a link through the block that ``alerts.channel`` names. A block keeps its
secret encrypted in Prefect's database; no parameter, log, tag or snapshot ever holds it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import EventTrigger, emit_event
from prefect.events.actions import CallWebhook, SendNotification
from prefect.events.schemas.automations import AutomationCore, Posture
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel

from flows.overview import RAISED, SKIPPED
from rsft.config import AlertsSection
from rsft.errors import ConfigurationError

PREFIX = "rsft-alert-"
"""Of the automations' names; others are left alone."""
TEST_EVENT = "rsft.alerts.test"
"""Emitted by ``rsft alerts test``."""

_OURS = ("retrain", "promote")
_AUDIT = "audit"
_BROKEN = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"}
_OVER = _BROKEN | {
    "prefect.flow-run.Completed",
    f"prefect.flow-run.{SKIPPED}",  # Prefect's events go by a state's name, not by its type
    "prefect.flow-run.Cancelled",
    "prefect.flow-run.Cancelling",
    "prefect.flow-run.Paused",
    "prefect.flow-run.Suspended",
    "prefect.flow-run.AwaitingRetry",
}
_HEARTBEAT = "prefect.flow-run.heartbeat"
_SILENT_SECONDS = 600
"""Three heartbeats of Prefect's, and a minute."""

_ONCE_WITHIN = timedelta(minutes=1)
"""A run that is ended may say so twice, by itself and by its worker."""

_WHY = (
    '{{ (flow_run.state.message or "no reason given")'
    f'|replace("{RAISED}", "")|replace("\\n", " ")|truncate(300) }}}}'
)
_LINK = "{{ flow_run|ui_url }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that a person is told of."""

    name: str
    """Its automation, without the prefix."""
    trigger: EventTrigger
    """When."""
    line: str
    """What, as a template of Prefect's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of the automations."""

    channel: str | None
    """The block that is told; null where nobody is."""
    changed: Sequence[str]
    """Those that were made, changed or deleted; empty where all were as declared."""


def declare(stuck: timedelta, silent: timedelta) -> list[Alert]:
    """All that a person is told of.

    Args:
        stuck: A run that takes longer is stuck.
        silent: One whose process has not been heard of for so long is dead.
    """
    every = (*_OURS, _AUDIT)
    return [
        Alert(
            name="failed",
            trigger=_when(_BROKEN, _OURS),
            line=f"{{{{ flow.name }}}} {{{{ flow_run.state.name|lower }}}}: {_WHY} {_LINK}",
        ),
        Alert(
            name="late",
            trigger=_when({"prefect.flow-run.Late"}, every),
            line=f"{{{{ flow.name }}}} is late: it has not started; does a worker run? {_LINK}",
        ),
        Alert(
            name="stuck",
            trigger=_unless(_OVER, {"prefect.flow-run.Running"}, every, stuck),
            line=f"{{{{ flow.name }}}} runs for longer than {_told(stuck)} {_LINK}",
        ),
        Alert(
            name="silent",
            trigger=_unless(_OVER | {_HEARTBEAT}, {_HEARTBEAT}, every, silent),
            # A server that is killed loses the end of a run, which the state then tells.
            line="{{ flow.name }} ({{ flow_run.state.name|lower }}) has not been heard of for "
            f"{_told(silent)}: its process may be dead {_LINK}",
        ),
        Alert(
            name="approval",
            trigger=_when({"prefect.flow-run.Paused", "prefect.flow-run.Suspended"}, ("promote",)),
            line='{{ flow_run.parameters.version or "the challenger" }} waits for a yes or no '
            f"{_LINK}",
        ),
        Alert(
            name="audit",
            trigger=_when(_BROKEN, (_AUDIT,)),
            line=f"audit: {_WHY} {_LINK}",
        ),
        Alert(
            name="test",
            trigger=EventTrigger(posture=Posture.Reactive, expect={TEST_EVENT}),
            line="rsft alerts test: whoever reads this is told {{ automation|ui_url }}",
        ),
    ]


def apply_alerts(
    section: AlertsSection, *, silent: timedelta = timedelta(seconds=_SILENT_SECONDS)
) -> Applied:
    """Makes the server's automations those that are declared; without a channel, none.

    Args:
        section: The settings.
        silent: See ``declare``.

    Raises:
        ConfigurationError: Where Prefect has no such block.
    """
    with get_client(sync_client=True) as client:
        wanted: Mapping[str, AutomationCore] = {}
        if section.channel is not None:
            block = _block_id(client, section.channel)
            alerts = declare(timedelta(hours=section.stuck_hours), silent)
            automations = [_automation(alert, section.channel, block) for alert in alerts]
            wanted = {automation.name: automation for automation in automations}
        found = {a.name: a for a in client.read_automations() if a.name.startswith(PREFIX)}
        changed = []
        for name in sorted(wanted.keys() | found.keys()):
            if name not in wanted:
                client.delete_automation(found[name].id)
            elif name not in found:
                client.create_automation(wanted[name])
            elif found[name].description != wanted[name].description:
                kept = wanted[name].model_copy(update={"enabled": found[name].enabled})
                client.update_automation(found[name].id, kept)
            else:
                continue
            changed.append(name.removeprefix(PREFIX))
    return Applied(channel=section.channel, changed=changed)


def emit_test() -> None:
    """Gives Prefect's server a reason to tell whoever is told."""
    emit_event(event=TEST_EVENT, resource={"prefect.resource.id": "rsft.alerts"})


def _automation(alert: Alert, channel: str, block: UUID) -> AutomationCore:
    """An alert as Prefect has it; its description tells whether it is the one declared."""
    action: Any
    if channel.startswith("webhook/"):
        # Slack, Teams, Mattermost and their like all read `text`.
        line = f"{{% set line %}}RSFT: {alert.line}{{% endset %}}"
        payload = line + '{{ {"text": line}|tojson }}'
        action = CallWebhook(block_document_id=block, payload=payload)
    else:
        action = SendNotification(block_document_id=block, subject="RSFT", body=alert.line)
    return AutomationCore(
        name=f"{PREFIX}{alert.name}",
        description=f"Declared in flows/alerts.py, {_digest(alert.trigger, action)}",
        trigger=alert.trigger,
        actions=[action],
    )


def _digest(*parts: BaseModel) -> str:
    """The same for the same declaration, in whatever order its sets come."""
    told = [part.model_dump(exclude={"id"}) for part in parts]
    text = json.dumps(told, sort_keys=True, default=_as_json)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _as_json(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else str(value)


def _when(events: set[str], flows: Sequence[str]) -> EventTrigger:
    """Each time that one of some events comes from a run of some flows."""
    return EventTrigger(
        posture=Posture.Reactive,  # said, since an update leaves out what is not
        expect=events,
        within=_ONCE_WITHIN,
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=_of(flows),
        for_each={"prefect.resource.id"},
    )


def _unless(
    events: set[str], after: set[str], flows: Sequence[str], within: timedelta
) -> EventTrigger:
    """Where, after an event of a run, none of some others comes within a time."""
    return EventTrigger(
        posture=Posture.Proactive,
        after=after,
        expect=events,
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=_of(flows),
        for_each={"prefect.resource.id"},
        within=within,
    )


def _of(flows: Sequence[str]) -> Any:
    return {"prefect.resource.role": "flow", "prefect.resource.name": list(flows)}


def _told(time: timedelta) -> str:
    seconds = time.total_seconds()
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} seconds"


def _block_id(client: SyncPrefectClient, channel: str) -> UUID:
    type_, name = channel.split("/")
    try:
        return client.read_block_document_by_name(name, type_).id
    except ObjectNotFound:
        raise ConfigurationError(
            f"alerts.channel = {channel!r}: Prefect has no such block; `rsft alerts channel "
            f"{channel}` makes one, or Prefect's UI under Blocks"
        ) from None
