"""A sound run is proven, and each fault is found and named exactly."""

import dataclasses
import json
import shutil
from typing import Any

import pytest

from rsft.audit import audit_all, latest_run
from rsft.errors import LineageError, RegistryError
from rsft.lineage import RunRecord, folder_md5, md5_of, read_run, tag_run
from rsft.lineage.git import run_git
from rsft.lineage.runs import MANIFEST
from rsft.runs.record import read_model
from tests.audit.conftest import RUN, Audited, flip, follow, tag_entry
from tests.workspaces import git

MODEL = "data/rounds/1/model"
WEIGHTS = f"{MODEL}/model.safetensors"


def tags_of(audited: Audited, **changes: str) -> None:
    """Edits the tags of MLflow's version."""
    (version,) = audited.versions
    audited.versions[:] = [dataclasses.replace(version, tags={**version.tags, **changes})]


def test_a_sound_run_is_proven_and_every_check_compared_something(audited: Audited) -> None:
    report = audited.all()
    assert (report.findings, report.notes) == ([], [])
    assert report.passed
    # 6 outputs, of which 5 folders with 2 + 2 + 1 + 1 + 2 files, two of them the same table; and
    # a folder with a file of the user's, and what is to be forgotten.
    hashed = {hashed.place: hashed.objects for hashed in report.hashed}
    assert (hashed["cache"], hashed["remote 'store'"]) == (16, 16)
    assert report.checked == {
        "object": 32,
        "lock": 1 + 7 + 5 + 3 + 4,  # the run's id, then deps, settings and outputs by stage
        "edge": 7 + 1,  # and the model
        "settings": 3 + 3,
        "code": 3,
        "marked": 1,
        "rows": 2,
        "expectations": 3,
        "registration": 1 + 5 + 6,
        "alias": 2,
        "artifact": 2 + 1 + 2,  # the policy; the list of what lies beside it, and that
        "record": 1 + 2 + 2,
        "checkout": 19,
    } | {kind: report.checked[kind] for kind in ("lock", "checkout")}


def test_one_run_is_audited_without_the_checkout(audited: Audited) -> None:
    (audited.root / "params.yaml").write_text("seed: 8\n")
    assert audited.one().passed
    assert "checkout" not in audited.one().checked


def test_the_latest_run_is_that_of_the_checkout(audited: Audited) -> None:
    assert latest_run(audited.workspace).run_id == RUN
    (audited.root / "data/run.json").unlink()
    assert latest_run(audited.workspace).run_id == RUN
    git(audited.root, "tag", "--delete", f"run/{RUN}")
    with pytest.raises(LineageError, match="no run is on record; `rsft run` makes one"):
        latest_run(audited.workspace)


@pytest.mark.parametrize("store", ["cache", "remote"])
def test_a_flipped_bit_is_found_where_it_is(audited: Audited, store: str) -> None:
    file = audited.object(WEIGHTS, store)
    flip(file)
    found = audited.finding()
    md5 = file.parent.name + file.name
    assert (found.kind, found.expected) == ("object", f"MD5 {md5}")
    assert found.what == f"run/{RUN}: {WEIGHTS}"
    assert found.found.endswith(str(file))
    assert "brings the sound one" in found.remedy
    assert file.exists(), "an audit deletes nothing"


def test_a_damaged_list_of_files_is_found_and_its_files_are_hashed_nevertheless(
    audited: Audited,
) -> None:
    weights = audited.object(WEIGHTS)
    for file in (audited.object(MODEL), weights):
        flip(file)
    whats = {finding.what for finding in audited.all().findings}
    assert whats == {f"run/{RUN}: {MODEL}", f"run/{RUN}: {WEIGHTS}"}


def test_an_object_that_is_in_one_place_only_is_noted(audited: Audited) -> None:
    audited.object(WEIGHTS).unlink()
    report = audited.all()
    assert report.passed
    (note,) = report.notes
    assert note.found == "none in the cache"
    assert "1 objects" in note.what
    assert note.remedy == "`dvc fetch --all-tags`"


def test_an_object_that_is_nowhere_is_found(audited: Audited) -> None:
    audited.object(WEIGHTS).unlink()
    audited.object(WEIGHTS, "remote").unlink()
    found = audited.finding()
    assert (found.kind, found.what) == ("object", f"run/{RUN}: {WEIGHTS}")
    assert found.found.startswith("neither cache nor the remote 'store'")


def test_what_cannot_be_read_is_found(audited: Audited) -> None:
    file = audited.object(WEIGHTS)
    file.unlink()
    file.mkdir()
    assert "unreadable (Is a directory)" in audited.finding().found


def test_without_a_remote_the_cache_alone_is_hashed(audited: Audited) -> None:
    (audited.root / ".dvc/config.local").unlink()
    report = audited.all()
    assert report.passed
    assert report.checked["object"] == 16


def test_a_remote_that_cannot_be_used_is_found_and_the_rest_is_proven(audited: Audited) -> None:
    (audited.root / ".dvc/config.local").write_text(
        "[core]\n    remote = store\n['remote \"store\"']\n    url = gs://no/client\n"
    )
    report = audited.all()
    (found,) = report.findings
    assert (found.kind, found.what) == ("object", "the remote")
    assert found.found.startswith("DVC's remote 'store' cannot be used (")
    assert report.checked["object"] == 16


def test_what_was_purged_by_record_is_told_as_such(audited: Audited) -> None:
    gone = [audited.object("data/prompts/train.parquet", store) for store in ("cache", "remote")]
    md5 = gone[0].parent.name + gone[0].name
    purged = {"kind": "purged", "hashes": [md5], "reason": "asked for"}
    tag_entry(audited, "purge/1", purged)
    (found,) = audited.all(with_checkout=False).findings
    assert found.found == f"object {md5} in the cache and the remote 'store'"
    for file in gone:
        file.unlink()
    (left,) = audited.all().findings
    assert (left.what, left.found) == ("data/prompts/train.parquet", "in the checkout still")
    (audited.root / "data/prompts/train.parquet").unlink()
    report = audited.all()
    assert report.passed
    (note,) = report.notes
    assert note.found == "purged by record"
    assert "purge/1" in note.expected
    assert "asked for" in note.expected


def test_another_tag_below_purge_purges_nothing(audited: Audited) -> None:
    git(audited.root, "tag", "--annotate", "purge/7", "--message", "no JSON")
    git(audited.root, "tag", "purge/8")
    assert audited.all().passed


def test_an_edited_manifest_is_held_against_the_lock(audited: Audited) -> None:
    def edit(manifest: dict) -> None:
        manifest["stages"]["filter"]["deps"]["params.yaml:filter.rule"] = "'threshold'"

    audited.edit_manifest(edit)
    found = audited.finding()
    assert found.kind == "lock"
    assert "stage filter, setting params.yaml:filter.rule" in found.what
    assert (found.expected, found.found) == ("'coin'", "'threshold'")


def test_an_edited_lock_is_found_in_the_tag(audited: Audited) -> None:
    lock = audited.root / "dvc.lock"
    other = "e" * 32
    accepted = audited.run.stages["filter"].outs["data/rounds/1/accepted"].hash
    lock.write_text(lock.read_text().replace(accepted, f"{other}.dir"))
    audited.retag(dict(audited.run.manifest))
    findings = audited.all(with_checkout=False).findings
    assert {finding.kind for finding in findings} == {"lock"}
    assert len(findings) == 3, "the output, and two stages that read it"
    assert all(f"{other}.dir" in finding.expected for finding in findings)


def test_a_dataset_that_was_swapped_under_a_stage_breaks_an_edge(audited: Audited) -> None:
    """A stage read something that no stage of the run made, and manifest and lock agree on it."""
    train = audited.object("data/prompts/train.parquet")
    md5, other = train.parent.name + train.name, "e" * 32
    lock = audited.root / "dvc.lock"
    lock.write_text(lock.read_text().replace(md5, other))
    manifest = json.loads(json.dumps(audited.run.manifest).replace(md5, other))
    audited.retag(manifest)
    (found,) = audited.all(with_checkout=False).findings
    assert found.kind == "edge"
    assert found.what.endswith("stage filter read data/prompts/train.parquet")
    assert (found.expected, found.found) == (md5, other)


def test_another_model_in_the_manifest_than_was_made_breaks_an_edge(audited: Audited) -> None:
    audited.edit_manifest(lambda manifest: manifest.update(model={"path": MODEL, "hash": "e" * 32}))
    assert [f.kind for f in audited.one().findings if "registers" in f.what] == ["edge"]


def test_settings_that_a_stage_did_not_get_are_found(audited: Audited) -> None:
    (audited.root / "params.yaml").write_text(
        "seed: 8\nprompts: {source: own, shares: [0.5, 0.25]}\nfilter: {rule: coin}\n"
    )
    audited.retag(dict(audited.run.manifest))
    findings = audited.all(with_checkout=False).findings
    told = {(f.what.split(": ")[1], f.expected, f.found) for f in findings}
    assert told == {
        ("seed in params.yaml, and as stage prompts got it", "8", "7"),
        (
            "prompts.shares in params.yaml, and as stage prompts got it",
            "[0.5, 0.25]",
            "[0.5, 0.5]",
        ),
        ("seed in params.yaml, and in the manifest", "8", "7"),
        ("prompts.shares in params.yaml, and in the manifest", "[0.5, 0.25]", "[0.5, 0.5]"),
    }


@pytest.mark.parametrize("path", ["rsft/code.py", "rsft/part/two.py"])
def test_code_that_was_edited_during_the_run_is_found(audited: Audited, path: str) -> None:
    (audited.root / path).write_text("edited = 1\n")
    audited.retag(dict(audited.run.manifest))
    found = audited.finding()
    assert found.kind == "code"
    assert (path if "part" not in path else "rsft/part") in found.what


def test_a_list_of_what_is_to_be_forgotten_that_was_swapped_is_found(audited: Audited) -> None:
    """A trace reads it in the tag's tree, and takes the run's word for what it left out."""
    (audited.root / "data/forgotten.jsonl").write_text("\n")
    audited.retag(dict(audited.run.manifest))
    (found,) = audited.all(with_checkout=False).findings
    assert found.kind == "code"
    assert "data/forgotten.jsonl as stages read it" in found.what


def test_a_marked_run_is_a_finding(audited: Audited) -> None:
    audited.edit_manifest(lambda manifest: manifest.update(changed=["rsft/code.py"]))
    found = audited.finding()
    assert (found.kind, found.found) == ("marked", "rsft/code.py")


def test_inputs_that_are_lost_are_found(audited: Audited) -> None:
    for store in ("cache", "remote"):
        audited.object("data/raw/README.md", store).unlink()
    assert audited.finding().what == f"run/{RUN}: data/raw/README.md"


def test_inputs_that_no_stage_read_break_an_edge(audited: Audited) -> None:
    audited.edit_manifest(lambda m: m["inputs"]["data/raw"].update(hash="e" * 32))
    (found,) = [f for f in audited.all().findings if f.kind == "edge"]
    assert found.what.endswith("stage prompts read data/raw")


def test_a_policy_that_was_edited_during_the_run_is_found(audited: Audited) -> None:
    audited.edit_manifest(lambda m: m.update(policy={"path": "rsft/code.py", "sha256": "0" * 64}))
    found = audited.finding()
    assert (found.kind, found.expected) == ("code", "0" * 64)


def test_rows_that_a_table_has_not_are_found(audited: Audited) -> None:
    audited.edit_manifest(lambda m: m["rows"].update({"data/rounds/1/decisions": 9}))
    found = audited.finding()
    assert (found.kind, found.expected, found.found) == ("rows", "9", "8")


def test_a_verdict_on_other_rows_is_found(audited: Audited) -> None:
    """Its file is put in place of the sound one, and everything else made to fit."""
    verdict = audited.object("data/rounds/1/validation/verdict.json")
    document = json.loads(verdict.read_text()) | {"rows": 5, "success": False}
    replace_member(audited, "data/rounds/1/validation", "verdict.json", json.dumps(document))
    findings = audited.all(with_checkout=False).findings
    told = [(f.kind, f.what.rpartition("verdict.json: ")[2], f.expected, f.found) for f in findings]
    assert told == [
        ("expectations", "rows judged, of accepted", "4", "5"),
        ("expectations", "success", "True", "False"),
    ]


def replace_member(audited: Audited, out: str, name: str, text: str) -> None:
    """Puts another file into a data set, and its hashes into lock, manifest and stores."""
    dataset = audited.run.stages["validate"].outs[out].hash
    listed = json.loads(audited.object(out).read_text())
    (old,) = [entry["md5"] for entry in listed if entry["relpath"] == name]
    new = md5_of(text.encode())
    renewed = folder_md5({e["relpath"]: new if e["relpath"] == name else e["md5"] for e in listed})
    listing = json.dumps([e | ({"md5": new} if e["relpath"] == name else {}) for e in listed])
    for folder in (".dvc/cache/files/md5", "remote/files/md5"):
        for md5, content in ((new, text), (renewed, listing)):
            place = audited.root / folder / md5[:2] / md5[2:]
            place.parent.mkdir(exist_ok=True)
            place.write_text(content)
    lock = audited.root / "dvc.lock"
    manifest = json.dumps(audited.run.manifest)
    for before, after in ((dataset, renewed), (old, new)):
        lock.write_text(lock.read_text().replace(before, after))
        manifest = manifest.replace(before, after)
    audited.retag(json.loads(manifest))


def test_the_manifest_is_held_against_the_verdict(audited: Audited) -> None:
    told = {"success": True, "evaluated": 10, "failed": [], "hash": "?"}
    told["path"] = "data/rounds/1/validation"
    audited.edit_manifest(lambda manifest: manifest.update(expectations={"1": told}))
    findings = audited.all().findings
    assert [f.kind for f in findings] == ["expectations"] * 2
    assert (findings[0].expected, findings[0].found) == ("9", "10")


def test_a_flipped_bit_in_mlflows_artifact_is_found(audited: Audited) -> None:
    flip(audited.artifact() / "model.safetensors")
    (audited.artifact() / "stray.txt").write_text("more")
    findings = audited.all().findings
    assert [f.kind for f in findings] == ["artifact"] * 2
    assert findings[0].what == f"demo/1: model.safetensors in {audited.artifact()}"
    assert (findings[1].what.split(" in ")[0], findings[1].expected) == (
        "demo/1: stray.txt",
        "nothing",
    )


def test_a_change_in_what_is_run_where_the_model_is_loaded_is_found(audited: Audited) -> None:
    model = audited.root / "mlflow/model"
    (model / "code/rsft/policy.py").write_text("answer = 2")
    (model / "code/more.py").touch()
    (model / "code/__pycache__").mkdir()
    (model / "code/__pycache__/more.pyc").touch()
    (model / "registered_model_meta").touch()
    (model / "README.md").touch()
    (model / "MLmodel").unlink()
    findings = audited.all().findings
    assert [(f.kind, f.what.split(" in ")[0], f.found) for f in findings] == [
        ("artifact", "demo/1: MLmodel", "nothing"),
        ("artifact", "demo/1: code/more.py", md5_of(b"")),
        ("artifact", "demo/1: code/rsft/policy.py", md5_of(b"answer = 2")),
    ]


def test_an_edited_list_of_what_is_run_there_is_found(audited: Audited) -> None:
    model = audited.root / "mlflow/model"
    (model / "code/rsft/policy.py").write_text("answer = 2")
    listing = model / "files.json"
    listing.write_text(listing.read_text().replace(md5_of(b"answer = 1"), md5_of(b"answer = 2")))
    assert audited.finding().what == f"demo/1: files.json in {model}"


def test_an_artifact_that_is_gone_is_found(audited: Audited) -> None:
    shutil.rmtree(audited.artifact())
    findings = audited.all().findings
    assert {f.kind for f in findings} == {"artifact"}
    assert {f.found for f in findings} == {"nothing"}


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


def run_again(audited: Audited, run_id: str, **changes: Any) -> RunRecord:
    """The run again, with all reused."""
    manifest = {**audited.run.manifest, "run_id": run_id, **changes}
    tag_run(audited.workspace, run_id, manifest)
    return read_run(audited.workspace, run_id)


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


def test_the_artifact_of_a_version_is_audited_with_the_latest_run_of_its_model(
    audited: Audited,
) -> None:
    run = run_again(audited, "20260102-demo")
    flip(audited.artifact() / "model.safetensors")
    report = audited.one(run)
    assert [finding.kind for finding in report.findings] == ["artifact"]
    git(audited.root, "tag", "--delete", f"run/{RUN}")
    report = audited.one(run)
    assert {finding.kind for finding in report.findings} == {"record", "registration"}


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
    assert kinds["record"].what.startswith("tag demo#champion#1: version 1")


def test_a_version_that_is_not_in_mlflow_is_found(audited: Audited) -> None:
    audited.versions.clear()
    findings = {f.kind: f for f in audited.all().findings}
    assert findings["registration"].found == "on record alone"
    assert findings["alias"].found == "no version"


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
    assert report.checked["object"] == 32


def test_a_tag_that_holds_no_run_is_found(audited: Audited) -> None:
    audited.edit_manifest(
        lambda m: m["stages"]["finetune"]["outs"].update(
            {"data/x": {"hash": "../../../etc/passwd", "size": 1, "files": 1}}
        )
    )
    (found,) = [f for f in audited.one().findings if f.what == f"run/{RUN}"]
    assert "'../../../etc/passwd' for a hash" in found.found


@pytest.mark.parametrize("manifest", ["{", "[1]", '{"stages": {"x": 1}}', '{"stages": {"x": {}}}'])
def test_a_tag_whose_manifest_is_none_is_found_and_the_rest_is_proven(
    audited: Audited, manifest: str
) -> None:
    blob = audited.root / "blob"
    blob.write_text(manifest)
    root, index = audited.root, audited.root / ".git/index.spoilt"
    environment = {"GIT_INDEX_FILE": str(index)}
    sha = git(root, "hash-object", "-w", str(blob))
    entry = f"100644,{sha},{MANIFEST}"
    run_git(root, "update-index", "--add", "--cacheinfo", entry, environment=environment)
    tree = run_git(root, "write-tree", environment=environment)
    commit = git(root, "commit-tree", tree, "-m", "Spoilt")
    git(root, "tag", "--annotate", "run/spoilt", commit, "-m", "Spoilt")
    blob.unlink()
    report = audited.all()
    (found,) = report.findings
    assert (found.kind, found.what, found.found) == ("lock", "run/spoilt", "what is none")
    assert report.checked["object"] == 32


@pytest.mark.parametrize(
    "changes",
    [{"rows": 1}, {"changed": 1}, {"expectations": {"1": 1}}, {"policy": {}}, {"model": 1}],
)
def test_a_manifest_that_tells_other_things_is_found(audited: Audited, changes: dict) -> None:
    manifest = dict(audited.run.manifest) | changes
    git(audited.root, "tag", "--delete", f"run/{RUN}")
    tag_run(audited.workspace, RUN, manifest)
    report = audited.all(with_checkout=False)
    told = [f for f in report.findings if f.what == f"run/{RUN}" and "Error" in f.found]
    assert len(told) == 1
    assert report.checked["object"] == 32


def test_an_object_that_two_runs_name_is_hashed_once(audited: Audited) -> None:
    manifest = dict(audited.run.manifest) | {"run_id": "20260102-demo"}
    tag_run(audited.workspace, "20260102-demo", manifest)
    report = audited.all()
    assert report.passed
    assert report.checked["object"] == 32
    flip(audited.object(WEIGHTS))
    assert f"run/{RUN} and 1 more: {WEIGHTS}" == audited.finding().what


class TestCheckout:
    """What is found in the checkout, and that it touches no run's proof."""

    def test_a_setting_that_was_edited_after_the_run(self, audited: Audited) -> None:
        file = audited.root / "params.yaml"
        file.write_text(file.read_text().replace("own", "theirs"))
        found = audited.finding()
        assert found.what == f"params.yaml: prompts.source, with which run/{RUN} ran"
        assert (found.expected, found.found) == ("own", "theirs")
        assert audited.all(with_checkout=False).passed

    def test_a_setting_that_no_stage_reads_may_be_edited(self, audited: Audited) -> None:
        file = audited.root / "params.yaml"
        file.write_text(file.read_text() + "other: 1\n")
        assert audited.all().passed

    def test_settings_that_are_gone(self, audited: Audited) -> None:
        (audited.root / "params.yaml").write_text("seed: [\n")
        assert audited.finding().what == "params.yaml"

    def test_a_lock_that_was_edited(self, audited: Audited) -> None:
        lock = audited.root / "dvc.lock"
        md5 = audited.run.stages["finetune"].outs["data/rounds/1/figures.json"].hash
        lock.write_text(lock.read_text().replace(md5, "f" * 32))
        found = audited.finding()
        assert "dvc.lock: stage finetune, data/rounds/1/figures.json" in found.what
        assert (found.expected, found.found) == (md5, "f" * 32)

    def test_a_lock_that_is_gone(self, audited: Audited) -> None:
        (audited.root / "dvc.lock").unlink()
        assert audited.finding().what == f"dvc.lock, as run/{RUN} left it"

    def test_a_dataset_that_was_swapped(self, audited: Audited) -> None:
        train = audited.root / "data/prompts/train.parquet"
        flip(train)
        (audited.root / "data/prompts/more.parquet").write_bytes(b"more")
        whats = [f.what for f in audited.all().findings]
        assert whats == [
            f"data/prompts/more.parquet, as run/{RUN} left it",
            f"data/prompts/train.parquet, as run/{RUN} left it",
        ]

    def test_what_the_user_brought_may_be_changed(self, audited: Audited) -> None:
        before = audited.all().checked["checkout"]
        flip(audited.root / "data/raw/README.md")
        (audited.root / "data/raw/more.jsonl").touch()
        report = audited.all()
        assert report.passed
        assert [note.what for note in report.notes] == [
            f"data/raw/README.md, as run/{RUN} read it",
            f"data/raw/more.jsonl, as run/{RUN} read it",
        ]
        assert report.notes[1].expected == "nothing"
        assert {note.remedy for note in report.notes} == {"changed since; the next run reads it"}
        assert report.checked["checkout"] == before + 1

    def test_of_what_the_user_brought_and_that_was_purged_the_rest_is_left(
        self, audited: Audited
    ) -> None:
        md5 = md5_of((audited.root / "data/raw/README.md").read_bytes())
        for store in ("cache", "remote"):
            audited.object("data/raw/README.md", store).unlink()
        tag_entry(audited, "purge/1", {"kind": "purged", "hashes": [md5], "reason": "asked for"})
        assert audited.finding().found == "in the checkout still"
        (audited.root / "data/raw/README.md").write_text("Without it.")
        report = audited.all()
        assert report.passed
        assert f"data/raw/README.md, as run/{RUN} read it" in [note.what for note in report.notes]

    def test_what_is_not_checked_out_is_no_finding(self, audited: Audited) -> None:
        shutil.rmtree(audited.root / "data/rounds")
        assert audited.all().passed

    def test_while_a_run_is_at_work_it_is_left_alone(self, audited: Audited) -> None:
        flip(audited.root / "data/prompts/train.parquet")
        with audited.workspace.hold("20260102-other"):
            report = audited.all()
        assert report.passed
        (note,) = report.notes
        assert "held by run 20260102-other" in note.found

    def test_before_a_run_has_ended_there_is_nothing_to_hold_it_against(
        self, audited: Audited
    ) -> None:
        (audited.root / "data/run.json").unlink()
        assert "checkout" not in audited.all().checked
