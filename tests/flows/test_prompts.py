"""One event for all that was taken in, also where something went wrong after it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

import flows.prompts as module
from flows.prompts import announce_by_hand, prompts
from rsft.errors import PromptsError
from rsft.lineage import Addition, Workspace, write_addition
from rsft.runs.intake import Taken


def addition(new: int, name: str = "in.jsonl") -> Addition:
    """One that is on record, too."""
    told = Addition(
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
    if new:
        write_addition(told)
    return told


def taken(new: int | None) -> Taken:
    return Taken(
        name="in.jsonl",
        moved_to=Path("done/in.jsonl"),
        addition=None if new is None else addition(new),
        problem="empty" if new is None else None,
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The current folder."""
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    return Workspace(root=tmp_path, home=tmp_path)


@pytest.fixture
def sent(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that were emitted."""
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "emit_event", lambda **event: events.append(event))
    monkeypatch.setattr(module, "create_markdown_artifact", lambda *_, **__: None)
    monkeypatch.setattr(module, "load_config", lambda: None)
    monkeypatch.setattr(module, "take_upstream", lambda *_, **__: None)
    monkeypatch.setattr(Workspace, "enter", lambda _: None)
    monkeypatch.setattr(module.Workspace, "open", lambda: workspace)
    return events


def takes(monkeypatch: pytest.MonkeyPatch, *counts: int | None) -> None:
    """Has files lie in the folder, with so many new prompts each; null: one that is of no use."""
    files = (taken(new) for new in counts)
    monkeypatch.setattr(module, "take_folder", lambda *_, **__: files)


def test_files_that_came_together_are_one_event(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    takes(monkeypatch, 3, None, 4, 0)
    monkeypatch.setattr(module, "take_upstream", lambda *_, **__: addition(5, "train.jsonl.dvc"))
    told = prompts.fn()
    assert [one["name"] for one in told] == ["train.jsonl.dvc", *["in.jsonl"] * 4]
    (event,) = sent
    assert (event["event"], event["payload"]) == (
        "rsft.prompts",
        {"new": 12, "total": 104, "fingerprint": f"{4:032d}"},
    )
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


def test_what_a_kill_or_a_server_that_was_away_left_untold_is_told_the_next_time_and_once(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    takes(monkeypatch, 3)
    prompts.fn()
    addition(4)
    addition(5)
    for _ in range(2):
        takes(monkeypatch)
        assert prompts.fn() == []
    takes(monkeypatch, 6)
    prompts.fn()
    assert [event["payload"]["new"] for event in sent] == [3, 9, 6]


def test_nothing_new_is_no_event(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    takes(monkeypatch, 0, None)
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
    workspace: Workspace,
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
        addition(2)
        told = announce_by_hand(workspace)
    assert (told is None) == (unsent is None)
    assert (told or "").startswith(unsent or "")
    assert len(sent) == (unsent is None)
