"""What is told of a run: that it and each of its stages began, and how they ended.

    run: START ─► (stage: START ─► COMPLETE | FAIL | ABORT) × stages ─► COMPLETE | FAIL | ABORT

A stage whose outputs were there already is told too, tagged as reused. OpenLineage's ids are made
from the run's id, so that anyone can work out which they are. Its client is imported where events
are made, in the sender's thread.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from rsft.errors import RsftError
from rsft.interop.sending import PRODUCER, Send, Warn, open_sender
from rsft.lineage import StageRun, Workspace, source_of
from rsft.lineage.runs import RUN_TAGS

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

    from rsft.interop.datasets import DataSets

FLOW = "retrain"
"""Name of the run's job; a stage's is ``retrain.<stage>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """What there is to tell at some time."""

    state: str
    """``START``, ``COMPLETE``, ``FAIL`` or ``ABORT``."""
    stage: str | None
    """Of which stage; null: of the run."""
    at: str
    """When, in ISO 8601."""
    done: StageRun | None = None
    """What became of the stage."""
    error: BaseException | None = None
    """Why it ended otherwise."""


@contextmanager
def open_events(
    workspace: Workspace, *, run_id: str, model: str, warn: Warn
) -> Iterator["RunEvents"]:
    """Tells of the run that is the context's body, and gives what tells of its stages.

    Args:
        workspace: Where the run is.
        run_id: The run.
        model: Name of the registered model: the namespace of jobs and data sets, unless
            ``OPENLINEAGE_NAMESPACE`` names another.
        warn: Is told, once, where events cannot be sent.
    """
    with open_sender(warn) as send:
        events = RunEvents(send, workspace, run_id=run_id, model=model)
        with events.told():
            yield events


class RunEvents:
    """The events of one run."""

    def __init__(self, send: Send, workspace: Workspace, *, run_id: str, model: str) -> None:
        """Sends nothing yet; the arguments are those of ``open_events``."""
        self._send = send
        self._workspace = workspace
        self._run_id = run_id
        self._namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or model
        self._told_at = datetime.now(UTC)

    @contextmanager
    def told(self, stage: str | None = None) -> Iterator[Callable[[StageRun], None]]:
        """Tells how the context's body, a stage or the whole run, begins and ends.

        Args:
            stage: The stage's name; its body passes on what became of it. Null: the run.
        """
        ended: list[StageRun] = []
        self._tell("START", stage)
        try:
            yield ended.append
        except BaseException as error:
            self._tell("FAIL" if isinstance(error, Exception) else "ABORT", stage, error=error)
            raise
        self._tell("COMPLETE", stage, done=ended[0] if ended else None)

    def _tell(
        self,
        state: str,
        stage: str | None,
        *,
        done: StageRun | None = None,
        error: BaseException | None = None,
    ) -> None:
        moment = _Moment(
            state=state,
            stage=stage,
            at=self._now().isoformat(),
            done=done,
            error=error,
        )
        self._send(lambda: self._event(moment))

    def _now(self) -> datetime:
        """Never before what was told already, whoever sets the clock."""
        self._told_at = max(self._told_at, datetime.now(UTC))
        return self._told_at

    def _event(self, moment: _Moment) -> "RunEvent":
        from openlineage.client.event_v2 import RunEvent, RunState

        from rsft.interop.facets import describe_job, describe_run

        stage, done, tag = moment.stage, moment.done, f"{RUN_TAGS}{self._run_id}"
        inputs, outputs = self._sets.read_and_made(done) if done is not None else ([], [])
        tags = {"rsft.run_id": self._run_id} | ({"rsft.state": done.state} if done else {})
        return RunEvent(
            eventType=RunState[moment.state],
            eventTime=moment.at,
            run=describe_run(
                self._uuid(stage),
                parent=(self._uuid(None), self._namespace, FLOW) if stage else None,
                tags=tags,
                error=None if moment.error is None else _shown(moment.error),
            ),
            job=describe_job(
                self._namespace,
                f"{FLOW}.{stage}" if stage else FLOW,
                kind="STAGE" if stage else "FLOW",
                source=source_of(self._workspace, tag),
                tag=tag,
            ),
            inputs=inputs,
            outputs=outputs,
            producer=PRODUCER,
        )

    @cached_property
    def _sets(self) -> "DataSets":
        from rsft.interop.datasets import DataSets

        return DataSets(self._workspace, self._namespace)

    def _uuid(self, stage: str | None) -> str:
        place = f"rsft/run/{self._run_id}" + (f"/{stage}" if stage else "")
        return str(uuid5(NAMESPACE_URL, place))


def _shown(error: BaseException) -> str:
    """An error in a line; of our own defects and of an interruption also the type."""
    return str(error) if isinstance(error, RsftError) else f"{type(error).__name__}: {error}"
