"""What a run's tag says that is not so is found: manifest, lock, edges, settings, code."""

import json

import pytest

from rsft.lineage import tag_run
from tests.audit.conftest import (
    MODEL,
    RUN,
    Audited,
)
from tests.workspaces import git, tag_spoilt


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


def test_inputs_that_no_stage_read_break_an_edge(audited: Audited) -> None:
    audited.edit_manifest(lambda m: m["inputs"]["data/raw"].update(hash="e" * 32))
    (found,) = [f for f in audited.all().findings if f.kind == "edge"]
    assert found.what.endswith("stage prompts read data/raw")


def test_a_policy_that_was_edited_during_the_run_is_found(audited: Audited) -> None:
    audited.edit_manifest(lambda m: m.update(policy={"path": "rsft/code.py", "sha256": "0" * 64}))
    found = audited.finding()
    assert (found.kind, found.expected) == ("code", "0" * 64)


def test_a_tag_that_holds_no_run_is_found(audited: Audited) -> None:
    audited.edit_manifest(
        lambda m: m["stages"]["finetune"]["outs"].update(
            {"data/x": {"hash": "../../../etc/passwd", "size": 1, "files": 1}}
        )
    )
    (found,) = [f for f in audited.one().findings if f.what == f"run/{RUN}"]
    assert "'../../../etc/passwd' for a hash" in found.found


@pytest.mark.parametrize(
    "manifest",
    [
        "{",
        "[1]",
        '{"stages": {"x": 1}}',
        '{"stages": {"x": {}}}',
        '{"stages": {}, "model": 1}',
        '{"stages": {}, "model": {"path": "/etc/model"}}',
        '{"stages": {}, "params": {"register": 1}}',
        '{"stages": {}, "inputs": {"../x": {"hash": "", "size": 1, "files": 1}}}',
    ],
)
def test_a_tag_whose_manifest_is_none_is_found_and_the_rest_is_proven(
    audited: Audited, manifest: str
) -> None:
    tag_spoilt(audited.root, manifest)
    report = audited.all()
    (found,) = report.findings
    assert (found.kind, found.what, found.found) == ("lock", "run/spoilt", "what is none")
    assert report.checked["object"] == 34


@pytest.mark.parametrize(
    "changes",
    [{"rows": 1}, {"changed": 1}, {"expectations": {"1": 1}}, {"policy": {}}],
)
def test_a_manifest_that_tells_other_things_is_found(audited: Audited, changes: dict) -> None:
    manifest = dict(audited.run.manifest) | changes
    git(audited.root, "tag", "--delete", f"run/{RUN}")
    tag_run(audited.workspace, RUN, manifest)
    report = audited.all(with_checkout=False)
    told = [f for f in report.findings if f.what == f"run/{RUN}" and "Error" in f.found]
    assert len(told) == 1
    assert report.checked["object"] == 34
