"""The record first, MLflow's aliases after: crashes, hands, lost tags, and the way back."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rsft.errors import LineageError, RegistryError
from rsft.lineage import (
    Entry,
    Workspace,
    in_service,
    read_record,
    read_runs,
    record_registration,
)
from rsft.registry import read_pointers
from rsft.runs.record import find_differences, promote, reconcile, roll_back
from tests.runs.fake_registry import FakeRegistry
from tests.runs.recorded import add_run, make_recorded
from tests.workspaces import ROOT, git


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    workspace = make_recorded(folder, "one", "two", "three")
    for version, run in enumerate(read_runs(workspace), start=1):
        model = run.manifest["model"]["hash"]
        record_registration(workspace, name="rsft", version=version, run=run, model_hash=model)
    return folder


@pytest.fixture
def hand(template: Path, tmp_path: Path) -> "Hand":
    """A workspace with three registered versions, and their registry."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    hand = Hand(Workspace(root=tmp_path, home=tmp_path), FakeRegistry("rsft", 3))
    reconcile(*hand.of)
    return hand


class Hand:
    """Does things to one model."""

    def __init__(self, workspace: Workspace, registry: Any) -> None:
        self.of = (workspace, registry, "rsft")

    def promote(self, version: int, against: int | None) -> Entry:
        workspace, registry, name = self.of
        details = {"reason": "better", "against": against, "approved_by": None}
        run = read_runs(workspace)[version - 1]
        return promote(workspace, registry, name=name, version=version, run=run, details=details)

    def roll_back(self) -> Entry:
        return roll_back(*self.of, "bad")

    def move(self, alias: str, version: int | None) -> None:
        _, registry, name = self.of
        if version is None:
            registry.client.delete_registered_model_alias(name, alias)
        else:
            registry.client.set_registered_model_alias(name, alias, str(version))

    def aliases(self) -> dict[str, int | None]:
        _, registry, name = self.of
        return {alias: p.version for alias, p in read_pointers(registry, name).items()}

    def serving(self) -> int | None:
        workspace, _, name = self.of
        entry = in_service(read_record(workspace), name)
        return None if entry is None else entry.version

    def delete_tag(self, tag: str) -> None:
        git(self.of[0].root, "tag", "--delete", tag)


def test_who_may_not_move_aliases_rolls_nothing_back(hand: "Hand") -> None:
    hand.promote(1, None)
    hand.promote(2, 1)
    hand.of[1].refuses = True
    with pytest.raises(RegistryError, match="refused"):
        hand.roll_back()
    assert hand.serving() == 2


def test_aliases_follow_the_record(hand: Hand) -> None:
    assert hand.aliases() == {"champion": None, "challenger": 3}
    hand.promote(1, None)
    assert hand.aliases() == {"champion": 1, "challenger": 3}
    hand.promote(3, 1)
    assert hand.aliases() == {"champion": 3, "challenger": None}
    hand.roll_back()
    assert hand.aliases() == {"champion": 1, "challenger": None}
    assert find_differences(*hand.of) == []


def test_there_is_a_first_champion_to_go_back_to_and_none_before(hand: Hand) -> None:
    with pytest.raises(LineageError, match="has no champion on record; there is nothing"):
        hand.roll_back()
    hand.promote(1, None)
    hand.promote(2, 1)
    hand.promote(3, 2)
    assert [hand.roll_back().version, hand.roll_back().version] == [2, 1]
    with pytest.raises(LineageError, match="rsft has version 1, the first one on record"):
        hand.roll_back()
    assert hand.aliases()["champion"] == hand.serving() == 1


def test_what_a_deleted_tag_held_is_not_guessed(hand: Hand) -> None:
    hand.promote(1, None)
    hand.promote(2, 1)
    hand.promote(3, 2)
    hand.delete_tag("rsft#champion#2")
    assert hand.roll_back().version == 2
    told = r"before is not known, since rsft#champion#2 is missing; `git fetch --tags`"
    with pytest.raises(LineageError, match=told):
        hand.roll_back()


def test_promoting_the_champion_again_says_when_it_was(hand: Hand) -> None:
    entry = hand.promote(1, None)
    assert hand.promote(1, None) == entry


def test_a_comparison_that_is_out_of_date_changes_nothing(hand: Hand) -> None:
    hand.promote(1, None)
    with pytest.raises(LineageError, match="compare again"):
        hand.promote(2, None)
    assert hand.aliases()["champion"] == 1


@pytest.mark.parametrize("version", [3, None])
@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_an_alias_moved_by_hand_is_told_and_left_until_told(
    hand: Hand, alias: str, version: int | None
) -> None:
    hand.promote(1, None)
    recorded = hand.aliases()
    hand.move(alias, 2 if version == 3 else None)
    (found,) = reconcile(*hand.of)
    assert (found.alias, found.kind, found.recorded) == (alias, "moved by hand", recorded[alias])
    where = "version 2" if version == 3 else "no version"
    assert f"rsft@{alias} is {where}, on record is version {recorded[alias]}: it" in str(found)
    assert hand.aliases() == recorded | {alias: 2 if version == 3 else None}
    assert reconcile(*hand.of, is_told=True) == [found]
    assert hand.aliases() == recorded
    assert reconcile(*hand.of) == []


def test_an_alias_set_before_anything_is_on_record_stays_until_a_promotion(hand: Hand) -> None:
    hand.move("champion", 2)
    (found,) = reconcile(*hand.of)
    assert (found.kind, found.recorded, found.found) == ("not on record", None, 2)
    assert (
        "set before the record began, and stays until a version is promoted; `rsft promote rsft/2`"
        in str(found)
    )
    assert hand.aliases()["champion"] == 2
    hand.promote(1, None)
    assert hand.aliases()["champion"] == 1
    assert find_differences(*hand.of) == []


def test_one_that_is_taken_away_is_gone(hand: Hand) -> None:
    hand.move("champion", 2)
    reconcile(*hand.of, is_told=True)
    assert hand.aliases()["champion"] is None
    assert find_differences(*hand.of) == []


@pytest.mark.parametrize("version", [None, 3])
def test_a_champion_that_was_deleted_in_mlflow_is_told_and_stops_nothing_else(
    hand: Hand, version: int | None
) -> None:
    hand.promote(1, None)
    hand.promote(2, 1)
    hand.of[1].versions.remove(2)
    hand.move("champion", version)
    hand.move("challenger", None)
    (champion, challenger) = reconcile(*hand.of)
    assert (champion.kind, challenger.kind) == ("not in MLflow", "moved by hand")
    assert "on record is version 2: MLflow does not have it: `rsft register` brings" in str(
        champion
    )
    with pytest.raises(
        LineageError,
        match="`rsft register --again 2` registers its model under the next one, `rsft promote`",
    ):
        reconcile(*hand.of, is_told=True)
    assert hand.aliases() == {"champion": version, "challenger": 3}
    assert hand.roll_back().version == 1
    assert hand.aliases()["champion"] == 1
    assert find_differences(*hand.of) == []


def test_the_next_promotion_goes_by_the_record(hand: Hand) -> None:
    hand.promote(1, None)
    hand.move("champion", 3)
    hand.promote(2, 1)
    assert hand.aliases()["champion"] == 2
    assert find_differences(*hand.of) == []


def test_a_promotion_that_is_not_on_record_here_stops_the_next(hand: Hand) -> None:
    hand.promote(1, None)
    hand.promote(2, 1)
    hand.delete_tag("rsft#champion#2")
    (found,) = find_differences(*hand.of)
    assert (found.kind, found.recorded, found.found) == ("unknown entry", 1, 2)
    for change in (lambda: hand.promote(3, 1), hand.roll_back):
        with pytest.raises(LineageError, match=r"last moved for rsft#champion#2 20.*git fetch"):
            change()
    reconcile(*hand.of)
    assert hand.aliases()["champion"] == 2
    reconcile(*hand.of, is_told=True)
    assert hand.aliases()["champion"] == 1
    assert hand.promote(3, 1).tag == "rsft#champion#2"


def test_a_tag_written_again_under_a_name_that_was_deleted_is_another(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.promote(1, None)
    message = git(hand.of[0].root, "tag", "-l", "--format=%(contents)", "rsft#champion#1")
    hand.delete_tag("rsft#champion#1")
    again = message.replace('"version": 1', '"version": 2')
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-01T00:00:00+00:00")
    git(hand.of[0].root, "tag", "-a", "rsft#champion#1", "-m", again, "rsft@v2.0.0^{}")
    assert find_differences(*hand.of)[0].kind == "unknown entry"


def test_a_version_that_the_registry_lost_is_not_promoted(hand: Hand) -> None:
    hand.of[1].versions.remove(2)
    with pytest.raises(RegistryError, match="/2: no such model"):
        hand.promote(2, None)
    assert hand.serving() is None


def test_two_who_promote_at_once_leave_one_champion(hand: Hand) -> None:
    hand.promote(1, None)
    with ThreadPoolExecutor(2) as both:
        done = [both.submit(hand.promote, version, 1) for version in (2, 3)]
    lost = [future for future in done if future.exception() is not None]
    assert [type(future.exception()) for future in lost] == [LineageError]
    assert hand.aliases()["champion"] == hand.serving() in (2, 3)
    assert find_differences(*hand.of) == []


def test_another_checkout_without_the_tags_cannot_undo_what_it_does_not_know(
    hand: Hand, tmp_path: Path
) -> None:
    folder = tmp_path.parent / f"{tmp_path.name}-clone"
    git(tmp_path, "clone", "--quiet", str(tmp_path), str(folder))
    clone = Workspace(root=folder, home=folder)
    hand.promote(1, None)
    (found,) = reconcile(clone, *hand.of[1:])
    assert (found.alias, found.kind) == ("champion", "unknown entry")
    git(folder, "fetch", "--quiet", "--tags")
    assert reconcile(clone, *hand.of[1:]) == []


def test_a_newer_registration_takes_the_challenger_s_alias(hand: Hand) -> None:
    workspace, registry, name = hand.of
    run = add_run(workspace, "20260104T000000-demo", "four")
    registry.versions.append(4)
    record_registration(workspace, name=name, version=4, run=run, model_hash="four")
    assert hand.aliases()["challenger"] == 3
    reconcile(*hand.of)
    assert hand.aliases()["challenger"] == 4


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, object]]]:
    """What was there after each death, and after who came next."""
    folder = tmp_path_factory.mktemp("killed")
    make_recorded(folder, "one")
    command = [sys.executable, "-m", "tests.runs.killed", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("between", "killed", "finished"),
    [
        ("version, tag", {}, {"challenger": 1}),
        ("registration, alias", {"challenger": 1}, {"challenger": 2}),
        ("promotion, alias", {"challenger": 2}, {"champion": 1, "challenger": 2}),
        ("alias, mark", {"champion": 2, "challenger": 2}, {"champion": 2}),
        ("rollback, alias", {"champion": 2}, {"champion": 1}),
        ("registration, note", {"champion": 1}, {"champion": 1, "challenger": 3}),
    ],
)
def test_what_was_killed_is_finished_once_by_who_comes_next(
    deaths: dict, between: str, killed: dict, finished: dict
) -> None:
    died, after = deaths[between]["killed"], deaths[between]["finished"]
    assert (died["aliases"], after["aliases"]) == (killed, finished)
    assert after["versions"] == died["versions"]
    written = 1 if between == "version, tag" else 0
    assert len(after["tags"]) == len(died["tags"]) + written
    assert after["serving"] == died["serving"] == finished.get("champion")


def test_a_number_that_is_another_s_is_taken_back_by_who_comes_next(deaths: dict) -> None:
    died, after = (deaths["number, taken back"][when] for when in ("killed", "finished"))
    assert (died["versions"], after["versions"]) == ([1], [2, 3])
    assert (died["aliases"], after["aliases"]) == ({}, {"challenger": 3})
    assert after["tags"] == died["tags"]
