"""Record, registry and aliases are held against each other and against the runs."""

import dataclasses

from rsft.audit import audit_all
from rsft.errors import RegistryError
from rsft.lineage import md5_of, read_run, tag_run
from rsft.runs.record import read_model
from tests.audit.conftest import (
    RUN,
    Audited,
    follow,
    run_again,
    tag_entry,
    tags_of,
)
from tests.workspaces import git


def test_an_alias_that_was_moved_by_hand_is_found(audited: Audited) -> None:
    audited.versions[0] = dataclasses.replace(audited.versions[0], aliases=())
    found = audited.finding()
    assert (found.kind, found.what) == ("alias", "demo@champion")
    assert (found.expected, found.found) == ("version 1", "no version")
    assert found.remedy == "it was moved by hand; `rsft reconcile` moves it back"


def test_a_challenger_that_was_moved_by_hand_is_found(audited: Audited) -> None:
    audited.versions[0] = dataclasses.replace(
        audited.versions[0], aliases=("challenger", "champion")
    )
    found = audited.finding()
    assert (found.kind, found.what) == ("alias", "demo@challenger")
    assert (found.expected, found.found) == ("no version", "version 1")


def test_a_promotion_that_was_cut_off_is_told_as_such(audited: Audited) -> None:
    audited.marks.clear()
    assert audited.finding().remedy.startswith("a change was cut off; `rsft reconcile`")


def test_a_run_that_ends_meanwhile_is_not_called_wrong(audited: Audited) -> None:
    """It is tagged, and registered, after the audit has begun, and before it asks MLflow."""

    def end() -> Audited:
        run_again(audited, "20260102-demo")
        tags = audited.versions[0].tags | {"run_id": "20260102-demo"}
        tags |= {"git_tag": "run/20260102-demo"}
        tags |= {"git_commit": read_run(audited.workspace, "20260102-demo").commit}
        audited.versions.append(
            dataclasses.replace(audited.versions[0], version=2, aliases=("challenger",), tags=tags)
        )
        told = {"version": 2, "run_id": "20260102-demo", "model_hash": tags["model_md5"]}
        told |= {"package_md5": md5_of((audited.root / "mlflow/model/files.json").read_bytes())}
        tag_entry(audited, "demo@v2.0.0", {"kind": "registered", **told}, "20260102-demo")
        follow(audited)
        return audited

    report = audit_all(audited.workspace, "demo", end, read_model, with_checkout=False)
    assert report.findings == []
    assert "run/20260102-demo" in report.runs


def test_a_challenger_is_proven_though_another_ones_alias_was_moved(audited: Audited) -> None:
    """So that the next promotion can put the alias right. Its model is another data set."""
    other = "data/rounds/1/accepted"
    md5 = audited.run.stages["filter"].outs[other].hash
    run_again(audited, "20260102-demo", model={"path": other, "hash": md5})
    audited.versions[0] = dataclasses.replace(audited.versions[0], aliases=())
    assert [finding.kind for finding in audited.one().findings] == ["alias"]
    challenger = read_run(audited.workspace, "20260102-demo")
    report = audited.one(challenger)
    assert report.passed
    assert "alias" not in report.checked


def test_a_version_that_later_runs_vouch_for_is_proven_and_promoted(audited: Audited) -> None:
    """Registered by the first run; judged and promoted again by the second, then by the third."""
    for number, run_id in ((1, "20260102-demo"), (2, "20260103-demo")):
        run = run_again(audited, run_id)
        told = {"version": 1, "run_id": run_id, "reason": "", "against": None}
        judged = {"kind": "judged", "is_promoted": True, **told}
        tag_entry(audited, f"verdict/demo/v1/{number}", judged)
        tag_entry(audited, f"demo#champion#{number + 1}", {"kind": "promoted", **told})
        follow(audited)
        assert audited.one(run).findings == []
    assert audited.all().passed


def test_a_promotion_whose_tag_was_deleted_is_found(audited: Audited) -> None:
    git(audited.root, "tag", "--delete", "demo#champion#1")
    champion, challenger = audited.all().findings
    assert (champion.what, champion.expected, champion.found) == (
        "demo@champion",
        "no version",
        "version 1",
    )
    assert "demo#champion#1 20" in champion.remedy
    assert (challenger.what, challenger.expected) == ("demo@challenger", "version 1")


def test_a_gap_in_the_record_is_found(audited: Audited) -> None:
    told = {"kind": "promoted", "version": 1, "run_id": RUN, "reason": "", "against": 1}
    tag_entry(audited, "demo#champion#3", told)
    follow(audited)
    found = audited.finding()
    assert (found.kind, found.what) == ("record", "tag demo#champion#2, before demo#champion#3")


def test_a_registration_whose_tag_was_deleted_is_found(audited: Audited) -> None:
    git(audited.root, "tag", "--delete", "demo@v1.0.0")
    kinds = {f.kind: f for f in audited.all().findings}
    assert kinds["registration"].found == "in MLflow alone"
    assert "artifact" not in kinds
    assert kinds["record"].what.startswith("tag demo#champion#1: version 1")


def test_a_version_that_is_not_in_mlflow_is_found(audited: Audited) -> None:
    audited.versions.clear()
    findings = {f.kind: f for f in audited.all().findings}
    assert findings["registration"].found == "on record alone"
    assert findings["alias"].found == "no version"


def test_a_deleted_version_that_was_registered_again_is_no_finding(audited: Audited) -> None:
    told = {"version": 2, "run_id": RUN, "model_hash": audited.run.manifest["model"]["hash"]}
    tag_entry(audited, "demo@v2.0.0", {"kind": "registered", **told})
    audited.versions[:] = [dataclasses.replace(audited.versions[0], version=2)]
    assert "registration" not in {f.kind for f in audited.all().findings}


def test_a_run_whose_tag_was_deleted_is_found(audited: Audited) -> None:
    git(audited.root, "tag", "--delete", f"run/{RUN}")
    findings = audited.all().findings
    assert {f.kind for f in findings} == {"record", "registration", "checkout"}
    assert all(f"run/{RUN}" in f"{f.what} {f.expected}" for f in findings)


def test_a_run_whose_tag_was_moved_is_found(audited: Audited) -> None:
    manifest = dict(audited.run.manifest)
    git(audited.root, "tag", "--delete", f"run/{RUN}")
    git(audited.root, "commit", "--quiet", "--allow-empty", "--message", "Later")
    tag_run(audited.workspace, RUN, manifest)
    findings = audited.all().findings
    assert {f.kind for f in findings} == {"record", "registration"}


def test_edited_tags_in_mlflow_are_found(audited: Audited) -> None:
    tags_of(audited, dvc_lock_sha256="0" * 64, **{"md5:data/prompts": "e" * 32})
    whats = [f.what for f in audited.all().findings]
    assert whats == [
        f"demo/1: dvc_lock_sha256, as run/{RUN} has it",
        f"demo/1: md5:data/prompts, as run/{RUN} has it",
    ]


def test_mlflow_that_is_away_is_a_finding_and_the_rest_is_proven(audited: Audited) -> None:
    def away() -> None:
        raise RegistryError("MLflow's store cannot be used (away)")

    report = audit_all(audited.workspace, "demo", away, read_model, with_checkout=False)
    (found,) = report.findings
    assert (found.kind, found.found) == ("registration", "MLflow's store cannot be used (away)")
    assert report.checked["object"] == 34
