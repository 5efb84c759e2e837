"""From a version to a kept verdict, on real tags; MLflow's side is a list of what it was told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rsft.errors import LineageError, RegistryError
from rsft.lineage import Workspace, in_service, read_record, record_promotion, record_rollback
from rsft.promotion import Approval, has_served, promote_version, promoting
from rsft.promotion.exam import read_exam
from rsft.runs.record import Difference
from tests.promotion.cases import NAME, POLICY, Checkout, answers, greedy

BOTH = answers(40, "guard")


class Told(list[tuple[Any, ...]]):
    """What MLflow was told, in order."""

    away = False
    """Whether it cannot be reached."""
    differences: Sequence[Difference] = ()
    """What of its aliases is not as the record has it."""
    refuses = False
    """Whether it lets nobody promote."""
    versions: Sequence[int] = (1, 2)
    """Those it has."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()

    def keep_verdict(registry: Any, version: Any, **kept: Any) -> None:
        if told.away:
            raise RegistryError("MLflow is away")
        told.append(("verdict", version, kept["tag"], kept["document"]["outcome"]))

    def promote(workspace: Workspace, registry: Any, **entry: Any) -> None:
        told.append(("champion", entry["version"]))
        record_promotion(workspace, **entry)

    def require_promoter(*_: Any) -> None:
        if told.refuses:
            raise RegistryError("MLflow refuses")

    monkeypatch.setattr(promoting, "require_promoter", require_promoter)
    monkeypatch.setattr(promoting, "keep_verdict", keep_verdict)
    monkeypatch.setattr(promoting, "get_version", lambda registry, name, version: version)
    monkeypatch.setattr(promoting, "list_versions", lambda *_: told.versions)
    monkeypatch.setattr(promoting, "promote", promote)
    monkeypatch.setattr(promoting, "reconcile", lambda *_: told.append(("reconcile",)))
    monkeypatch.setattr("rsft.runs.record.find_differences", lambda *_: told.differences)
    return told


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Version 1 of a run that has 60 of 80 right, and its base 30."""
    made = Checkout(tmp_path / "checkout")
    made.register(1, made.run("r1", [*answers(60), *BOTH], [*answers(30), *BOTH]))
    return made


def second(checkout: Checkout, right: int, **changes: Any) -> None:
    """Version 2, of a run that has so many right."""
    run = checkout.run("r2", [*answers(right), *BOTH], model_hash="m2.dir", **changes)
    checkout.register(2, run)


def judge(checkout: Checkout, text: str | None = None, audit: Any = lambda run: [], **more: Any):
    return promote_version(checkout.workspace, None, NAME, text, audit=audit, **more)


def verdicts(checkout: Checkout) -> list[dict[str, Any]]:
    record = read_record(checkout.workspace)
    return [{"tag": e.tag, **e.details} for e in record if e.kind == "judged"]


def serving(checkout: Checkout) -> int | None:
    entry = in_service(read_record(checkout.workspace), NAME)
    return None if entry is None else entry.version


def test_the_first_is_compared_with_its_base_and_promoted_on_record(checkout: Checkout, told: Told):
    judged = judge(checkout)
    assert judged.verdict.is_promoted
    assert judged.tag == "verdict/rsft/v1/1"
    assert told == [("verdict", 1, judged.tag, "promoted"), ("champion", 1)]
    entry = in_service(read_record(checkout.workspace), NAME)
    assert entry.details["reason"] == judged.verdict.reason
    assert entry.details["verdict"] == judged.tag
    assert (entry.details["against"], entry.details["approved_by"]) == (None, None)
    (kept,) = verdicts(checkout)
    assert (kept["run_id"], kept["looks"], kept["outcome"]) == (
        "r1",
        {"eval": 1, "guard": 1},
        "promoted",
    )
    assert kept["policy"]["gain"]["alpha"] == 0.05
    assert kept["gain"]["better"] == 30


def test_who_may_not_promote_takes_no_look(checkout: Checkout, told: Told):
    told.refuses = True
    with pytest.raises(RegistryError, match="MLflow refuses"):
        judge(checkout)
    assert (verdicts(checkout), serving(checkout), told) == ([], None, [])


def test_a_no_is_kept_too(checkout: Checkout, told: Told):
    judge(checkout)
    second(checkout, 60)
    judged = judge(checkout)
    assert judged.verdict.outcome == "not promoted"
    assert (judged.verdict.against, judged.verdict.looks) == (1, {"eval": 2, "guard": 2})
    assert told[-1] == ("verdict", 2, "verdict/rsft/v2/1", "not promoted")
    assert [v["tag"] for v in verdicts(checkout)] == ["verdict/rsft/v1/1", "verdict/rsft/v2/1"]
    assert serving(checkout) == 1


def test_a_better_one_follows_the_champion(checkout: Checkout, told: Told):
    judge(checkout)
    second(checkout, 78)
    judged = judge(checkout)
    assert judged.verdict.is_promoted
    assert judged.verdict.gain.better == 18
    assert judged.verdict.gain.level == pytest.approx(0.05 / 6)
    assert serving(checkout) == 2


def test_the_same_again_is_no_new_look_and_no_new_entry(checkout: Checkout, told: Told):
    judge(checkout)
    second(checkout, 60)
    first, again = judge(checkout), judge(checkout, "2")
    assert first == again
    assert len(verdicts(checkout)) == 2


def test_what_a_crash_left_undone_is_done_by_the_same_again(checkout: Checkout, told: Told):
    """Killed after the verdict's tag: the report, the promotion and the alias are still to come."""
    told.away = True
    with pytest.raises(RegistryError):
        judge(checkout)
    assert (len(verdicts(checkout)), serving(checkout)) == (1, None)
    told.away = False
    judged = judge(checkout)
    assert judged.verdict.looks["eval"] == 1
    assert (len(verdicts(checkout)), serving(checkout)) == (1, 1)
    assert judge(checkout, "1") is None
    assert told[-1] == ("reconcile",)


def test_without_a_contender_there_is_nothing_to_judge(checkout: Checkout, told: Told):
    judge(checkout)
    assert judge(checkout) is None
    assert told[-1] == ("reconcile",)
    assert len(verdicts(checkout)) == 1


def test_the_champion_registered_again_serves_without_another_look(
    checkout: Checkout, told: Told
) -> None:
    """Its version was deleted in MLflow: compared with itself, it would never be better."""
    judge(checkout)
    checkout.register(2, promoting.read_run(checkout.workspace, "r1"))
    told.versions = [2]
    assert judge(checkout) is None
    entry = in_service(read_record(checkout.workspace), NAME)
    assert (entry.version, entry.details["against"]) == (2, 1)
    assert entry.details["reason"] == "the model of version 1, which MLflow has no more"
    assert len(verdicts(checkout)) == 1


def test_what_was_rolled_back_comes_back_only_by_its_name(checkout: Checkout, told: Told):
    judge(checkout)
    second(checkout, 78)
    judge(checkout)
    record = read_record(checkout.workspace)
    run = promoting.read_run(checkout.workspace, "r1")
    details = {"reason": "worse in the field", "against": 2}
    record_rollback(checkout.workspace, name=NAME, version=1, run=run, details=details)
    assert len(record) < len(read_record(checkout.workspace))
    assert [has_served(checkout.workspace, NAME, version) for version in (1, 2, 3)] == [
        *(True, True, False)
    ]
    assert judge(checkout) is None
    assert serving(checkout) == 1
    assert judge(checkout, "rsft/2").verdict.looks["eval"] == 2
    assert serving(checkout) == 2


def test_the_audit_is_of_the_latest_run_that_made_the_model(checkout: Checkout, told: Told):
    """It was made again, and measured on other prompts: that is judged, by its own policy."""
    file = checkout.workspace.root / "mlflow" / "policy.yaml"
    file.write_text(POLICY.replace("least: 0.01", "least: 0.9"))
    checkout.run("r9", [*answers(60), *BOTH], [*answers(30), *BOTH], prompts="asked anew")
    audited = []
    judged = judge(checkout, audit=lambda run: audited.append(run.run_id) or [])
    assert audited == ["r9"]
    assert judged.verdict.run_id == "r9"
    assert "it is less than 90 points" in judged.verdict.reason


def test_what_the_audit_finds_stops_it(checkout: Checkout, told: Told):
    judged = judge(checkout, audit=lambda run: ["object: data/x: expected a, found b"])
    assert judged.verdict.outcome == "not promoted"
    assert serving(checkout) is None


def test_a_marked_run_is_not_promoted(checkout: Checkout, told: Told):
    judge(checkout)
    second(checkout, 78, changed=["params.yaml"])
    assert "unchanged: params.yaml changed while it ran" in judge(checkout).verdict.reason
    assert serving(checkout) == 1


def test_a_champion_that_took_another_exam_answers_anew(
    checkout: Checkout, told: Told, monkeypatch: pytest.MonkeyPatch
):
    judge(checkout)
    second(checkout, 78, prompts="asked anew")
    asked = []

    def answer_anew(workspace: Any, registry: Any, version: Any, model_hash: str, exam: Any) -> Any:
        asked.append((version, model_hash, exam.run.run_id))
        return {"eval": greedy(50), "guard": greedy(40, "guard")}

    monkeypatch.setattr(promoting, "answer_anew", answer_anew)
    judged = judge(checkout)
    assert asked == [(1, "m1.dir", "r2")]
    assert judged.verdict.gain.better == 28
    assert judged.verdict.looks == {"eval": 1, "guard": 1}, "other prompts, first look"


def test_a_person_is_waited_for(checkout: Checkout, told: Told):
    file = checkout.workspace.root / "mlflow" / "policy.yaml"
    file.write_text(POLICY.replace("required: false", "required: true"))
    checkout.run("r9", [*answers(60), *BOTH], [*answers(30), *BOTH])
    assert judge(checkout).verdict.outcome == "awaits approval"
    assert serving(checkout) is None
    said = Approval(by="Ann", is_approved=True, reason="tried it")
    assert judge(checkout, approval=said).verdict.looks["eval"] == 1
    entry = in_service(read_record(checkout.workspace), NAME)
    assert entry.details["approved_by"] == "Ann"
    assert [v["outcome"] for v in verdicts(checkout)] == ["awaits approval", "promoted"]


def test_a_persons_no_is_kept(checkout: Checkout, told: Told):
    said = Approval(by="Bob", is_approved=False, reason="rude")
    assert judge(checkout, approval=said).verdict.reason.endswith("approval: declined by Bob: rude")
    assert serving(checkout) is None


def test_what_names_no_version_is_refused(checkout: Checkout, told: Told):
    with pytest.raises(LineageError, match="'rsft/7' is no version on record here"):
        judge(checkout, "rsft/7")
    with pytest.raises(
        LineageError, match="'r1' names no version; write rsft/1 or rsft@challenger"
    ):
        judge(checkout, "r1")


def test_the_exam_is_read_from_the_tag(checkout: Checkout, told: Told):
    """What lies in the checkout by now is another run's."""
    (checkout.workspace.root / "params.yaml").write_text("broken: [")
    judged = judge(checkout)
    run = promoting.read_run(checkout.workspace, "r1")
    assert judged.verdict.prompts == read_exam(checkout.workspace, run).prompts


def eased(checkout: Checkout, old: str, new: str) -> None:
    """The policy of runs from now on."""
    file = checkout.workspace.root / "mlflow" / "policy.yaml"
    file.write_text(POLICY.replace(old, new))


def test_a_policy_that_was_eased_and_run_again_is_another_look(checkout: Checkout, told: Told):
    """The same model, prompts and answers: at α = 0.4 a first look would have 0.2, it has 0.067."""
    eased(checkout, "least: 0.01", "least: 0.9")
    checkout.run("r8", [*answers(60), *BOTH], [*answers(30), *BOTH])
    assert judge(checkout).verdict.looks["eval"] == 1
    eased(checkout, "alpha: 0.05", "alpha: 0.4")
    checkout.run("r9", [*answers(60), *BOTH], [*answers(30), *BOTH])
    verdict = judge(checkout).verdict
    assert (verdict.run_id, verdict.looks["eval"]) == ("r9", 2)
    assert verdict.gain.level == pytest.approx(0.4 / 6)


def test_who_is_judged_by_another_judge_is_looked_at_again(checkout: Checkout, told: Told):
    assert not judge(checkout, audit=lambda run: ["x"]).verdict.is_promoted
    checkout.run("r9", [*answers(60), *BOTH], [*answers(30), *BOTH], evaluation="judged otherwise")
    assert judge(checkout).verdict.looks == {"eval": 2, "guard": 2}


def test_run_again_and_the_same_in_all_it_is_no_new_look(checkout: Checkout, told: Told):
    assert not judge(checkout, audit=lambda run: ["x"]).verdict.is_promoted
    checkout.run("r9", [*answers(60), *BOTH], [*answers(30), *BOTH])
    verdict = judge(checkout).verdict
    assert (verdict.run_id, verdict.looks["eval"]) == ("r9", 1)


def test_one_prompt_that_was_exchanged_does_not_begin_anew(checkout: Checkout, told: Told):
    assert not judge(checkout, audit=lambda run: ["x"]).verdict.is_promoted
    checkout.run(
        "r9", [*answers(60), *BOTH], [*answers(30), *BOTH], prompts="new", kept={"eval": 79}
    )
    assert judge(checkout).verdict.looks == {"eval": 2, "guard": 1}


def test_a_record_that_is_not_whole_is_refused_before_anything_is_recorded(
    checkout: Checkout, told: Told
):
    unknown = {
        "name": NAME,
        "alias": "champion",
        "kind": "unknown entry",
        "mark": "rsft#champion#7",
    }
    told.differences = [Difference(**unknown, recorded=None, found=3)]
    with pytest.raises(LineageError, match="last moved for rsft#champion#7, which is not on rec"):
        judge(checkout)
    assert (verdicts(checkout), serving(checkout), told) == ([], None, [])


def test_where_another_champion_serves_by_now_nothing_is_recorded(checkout: Checkout, told: Told):
    """Promoted while the second was judged: by somebody else, or by a rollback."""
    run = checkout.run("r2", [*answers(78), *BOTH], [*answers(30), *BOTH], model_hash="m2.dir")
    checkout.register(2, run)

    def meanwhile(_: Any) -> list[str]:
        first = promoting.read_run(checkout.workspace, "r1")
        details = {"reason": "by hand", "against": None}
        record_promotion(checkout.workspace, name=NAME, version=1, run=first, details=details)
        return []

    with pytest.raises(
        LineageError, match="judged against no version, but in service is version 1"
    ):
        judge(checkout, "2", audit=meanwhile)
    assert (verdicts(checkout), serving(checkout), told) == ([], 1, [])


def test_runs_of_other_projects_are_passed_over_and_never_judged(checkout: Checkout, told: Told):
    checkout.run("foreign", answers(10), model={"elsewhere": "m1.dir"})
    assert judge(checkout).verdict.run_id == "r1"
    foreign = checkout.run("older", answers(10), model_hash="m2.dir", monitors={"1": {}})
    checkout.register(2, foreign)
    message = "^run/older cannot be judged: of its manifest 'monitors.1.tripped' is not as"
    with pytest.raises(LineageError, match=message):
        judge(checkout, "2")
    assert len(verdicts(checkout)) == 1
