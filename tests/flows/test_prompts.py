"""One event for all that was taken in, also where something went wrong after it."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

import flows.prompts as module
from flows.prompts import announce_by_hand, prompts
from rsft.errors import PromptsError
from rsft.lineage import Addition
from rsft.runs.intake import Taken


def addition(new: int, name: str = "in.jsonl") -> Addition:
    return Addition(
        at="2026-11-27T00:00:00+00:00",
        source=name,
        sha256="0" * 64,
        new=new,
        known=1,
        refused=0,
        near=0,
        total=100 + new,
        fingerprint=f"{new:032d}",
        before="",
        refusals=(),
    )


def taken(new: int | None) -> Taken:
    return Taken(
        name="in.jsonl",
        moved_to=Path("done/in.jsonl"),
        addition=None if new is None else addition(new),
        problem="empty" if new is None else None,
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that were emitted."""
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "emit_event", lambda **event: events.append(event))
    monkeypatch.setattr(module, "create_markdown_artifact", lambda *_, **__: None)
    monkeypatch.setattr(module, "load_config", lambda: None)
    monkeypatch.setattr(module, "take_upstream", lambda *_, **__: None)
    nothing = SimpleNamespace(enter=lambda: None)
    monkeypatch.setattr(module, "Workspace", SimpleNamespace(open=lambda: nothing))
    return events


def test_files_that_came_together_are_one_event(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [taken(3), taken(None), taken(4), taken(0)]
    monkeypatch.setattr(module, "take_folder", lambda *_, **__: iter(files))
    monkeypatch.setattr(module, "take_upstream", lambda *_, **__: addition(5, "train.jsonl.dvc"))
    told = prompts.fn()
    assert [one["name"] for one in told] == ["train.jsonl.dvc", *["in.jsonl"] * 4]
    (event,) = sent
    assert (event["event"], event["payload"]["new"]) == ("rsft.prompts", 12)
    assert event["resource"] == {"prefect.resource.id": "rsft.prompts"}


def test_what_was_taken_in_before_an_error_is_told(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(*_: object, **__: object) -> Iterator[Taken]:
        yield taken(3)
        raise PromptsError("no room")

    monkeypatch.setattr(module, "take_folder", take)
    with pytest.raises(PromptsError, match="no room"):
        prompts.fn()
    assert [event["payload"]["new"] for event in sent] == [3]


def test_nothing_new_is_no_event(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "take_folder", lambda *_, **__: iter([taken(0), taken(None)]))
    assert len(prompts.fn()) == 2
    assert sent == []


@pytest.mark.parametrize(
    ("address", "problem", "unsent"),
    [
        (None, None, "no `rsft up` runs here, and PREFECT_API_URL is not set"),
        ("http://127.0.0.1:1/api", "refused", "PREFECT_API_URL = http://127.0.0.1:1/api: Pref"),
        ("http://127.0.0.1:1/api", None, None),
    ],
)
def test_by_hand_an_event_is_sent_where_a_server_answers(
    sent: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    address: str | None,
    problem: str | None,
    unsent: str | None,
) -> None:
    class Client:
        def __enter__(self) -> "Client":
            return self

        def __exit__(self, *raised: object) -> None:
            pass

        def api_healthcheck(self) -> str | None:
            return problem

        def api_version(self) -> str:
            return "3"

    monkeypatch.setattr("flows.server.get_client", lambda **_: Client())
    with temporary_settings({PREFECT_API_URL: address}):
        told = announce_by_hand(addition(2))
    assert (told is None) == (unsent is None)
    assert (told or "").startswith(unsent or "")
    assert len(sent) == (unsent is None)
