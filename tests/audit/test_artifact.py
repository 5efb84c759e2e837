"""What MLflow would serve is held against what was registered, file by file."""

import shutil

from rsft.lineage import md5_of
from tests.audit.conftest import (
    RUN,
    Audited,
    flip,
    run_again,
)
from tests.workspaces import git


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
    (model / "code/__pycache__/policy.cpython-311.pyc").touch()
    (model / "code/torch").symlink_to(audited.root)
    (model / "registered_model_meta").touch()
    (model / "README.md").touch()
    (model / "MLmodel").unlink()
    findings = audited.all().findings
    assert [(f.kind, f.what.split(" in ")[0], f.found) for f in findings] == [
        ("artifact", "demo/1: MLmodel", "nothing"),
        ("artifact", "demo/1: code/__pycache__/policy.cpython-311.pyc", md5_of(b"")),
        ("artifact", "demo/1: code/more.py", md5_of(b"")),
        ("artifact", "demo/1: code/rsft/policy.py", md5_of(b"answer = 2")),
        ("artifact", "demo/1: code/torch", "what cannot be read"),
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
