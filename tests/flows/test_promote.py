"""The flow around the gate: whom it asks, and what it makes of the answer. Prefect is left out."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from prefect.exceptions import FlowPauseTimeout
from pydantic import ValidationError

import flows.promote as module
from rsft.errors import ConfigurationError
from rsft.promotion import Approval, Judged, Verdict
from tests.promotion.test_gate import ASKING, judged, policy

AWAITING = judged(70, 40, policy=policy(ASKING))


class Gate:
    """Verdicts in order, and what each was asked with."""

    def __init__(self, *verdicts: Verdict | None) -> None:
        self.asked: list[tuple[str | None, Approval | None]] = []
        self._left: Iterator[Verdict | None] = iter(verdicts)

    def __call__(
        self, workspace: Any, registry: Any, model: str, version: str | None, approval: Any
    ) -> Judged | None:
        self.asked.append((version, approval))
        verdict = next(self._left)
        return None if verdict is None else Judged(verdict=verdict, tag="verdict/rsft/v2/1")


class Person:
    """What they say, and what they were shown."""

    def __init__(self, *said: tuple[bool, str, str] | None) -> None:
        self.shown: list[str] = []
        self.timeouts: list[int] = []
        self._left = iter(said)

    def __call__(self, *, wait_for_input: Any, timeout: int, poll_interval: int) -> Any:
        self.shown.append(wait_for_input._description)
        self.timeouts.append(timeout)
        said = next(self._left)
        if said is None:
            raise FlowPauseTimeout("Flow run was paused and never resumed.")
        is_approved, name, reason = said
        return module.Answer(is_approved=is_approved, your_name=name, reason=reason)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkout, no registry."""

    class Nothing:
        name, tracking_uri, home = "rsft", None, None
        register_: Any = None

        @classmethod
        def open(cls, *_: Any) -> Any:
            return cls()

        def enter(self) -> None:
            pass

    Nothing.register_ = Nothing()
    monkeypatch.setattr(module, "Workspace", Nothing)
    monkeypatch.setattr(module, "Registry", Nothing)
    monkeypatch.setattr(module, "load_config", Nothing)
    monkeypatch.setattr(module, "_is_champion_still", lambda *_: True)


def promote(monkeypatch: pytest.MonkeyPatch, gate: Gate, person: Person, **arguments: Any) -> Any:
    monkeypatch.setattr(module, "judge", gate)
    monkeypatch.setattr(module, "pause_flow_run", person)
    return module.promote.fn(**arguments)


def test_where_nobody_need_say_yes_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, person = Gate(judged(70, 40)), Person()
    found = promote(monkeypatch, gate, person, version="rsft/2", wait=True)
    assert gate.asked == [("rsft/2", None)]
    assert (found["outcome"], found["tag"]) == ("promoted", "verdict/rsft/v2/1")


def test_a_persons_yes_is_judged_with(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(AWAITING, replace(AWAITING, outcome="promoted"))
    person = Person((True, "Ann", "tried it"))
    found = promote(monkeypatch, gate, person, wait=True)
    said = Approval(by="Ann", is_approved=True, reason="tried it")
    assert gate.asked == [(None, None), ("rsft/2", said)]
    assert found["outcome"] == "promoted"
    assert person.timeouts == [72 * 3600]
    assert person.shown[0].startswith("# rsft version 2: awaits approval")
    assert "**Promote it?**" in person.shown[0]


def test_a_persons_no_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(AWAITING, replace(AWAITING, outcome="not promoted"))
    promote(monkeypatch, gate, Person((False, "Bob", "")), wait=True)
    assert gate.asked[1] == ("rsft/2", Approval(by="Bob", is_approved=False, reason=""))


def test_where_nobody_answers_it_stays_challenger(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(AWAITING)
    found = promote(monkeypatch, gate, Person(None), wait=True)
    assert found["outcome"] == "awaits approval"
    assert len(gate.asked) == 1


def test_where_the_champion_changed_meanwhile_the_yes_was_to_another_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is judged without, against the new one, and the person is asked again."""
    still = iter([False, True])
    monkeypatch.setattr(module, "_is_champion_still", lambda *_: next(still))
    gate = Gate(AWAITING, AWAITING, replace(AWAITING, outcome="promoted"))
    person = Person((True, "Ann", ""), (True, "Ann", "this one too"))
    promote(monkeypatch, gate, person, wait=True)
    said = Approval(by="Ann", is_approved=True, reason="this one too")
    assert [approval for _, approval in gate.asked] == [None, None, said]


def test_without_waiting_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = promote(monkeypatch, Gate(AWAITING), Person())
    assert found["outcome"] == "awaits approval"


def test_a_yes_that_is_given_beforehand_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(judged(70, 40))
    promote(monkeypatch, gate, Person(), approved_by="Ann", reason="tried it")
    assert gate.asked == [(None, Approval(by="Ann", is_approved=True, reason="tried it"))]


def test_nothing_to_judge_is_no_document(monkeypatch: pytest.MonkeyPatch) -> None:
    assert promote(monkeypatch, Gate(None), Person(), wait=True) is None


def test_nobody_says_yes_by_saying_nothing() -> None:
    yes = {"is_approved": True, "your_name": "Ann", "reason": ""}
    for key in yes:
        with pytest.raises(ValidationError):
            module.Answer(**{name: said for name, said in yes.items() if name != key})
    for nobody in ("", " "):
        with pytest.raises(ValidationError):
            module.Answer(**yes | {"your_name": nobody})


def test_a_yes_in_nobodys_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="approved_by is blank; name who says yes"):
        promote(monkeypatch, Gate(), Person(), approved_by=" ")
