"""What ends the wait for a sign of life, by the names that Prefect gives its events."""

from datetime import timedelta

import pytest
from prefect.events import Posture
from prefect.states import Cancelled, Completed, Crashed, Failed, State

from flows.alerts import declare
from flows.overview import SKIPPED


@pytest.mark.parametrize(
    "state",
    [Completed(), Completed(name=SKIPPED), Failed(), Crashed(), Cancelled()],
    ids=lambda state: state.name,
)
def test_a_run_that_is_over_is_neither_stuck_nor_silent(state: State) -> None:
    """An event has the name of the state that it tells of: a run that was not worth it, too."""
    waiting = [
        alert.trigger
        for alert in declare(timedelta(hours=12), timedelta(minutes=10))
        if alert.trigger.posture == Posture.Proactive
    ]
    assert len(waiting) == 2
    assert all(f"prefect.flow-run.{state.name}" in trigger.expect for trigger in waiting)
