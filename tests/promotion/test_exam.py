"""What a run was asked, and its recorded answers, by hash."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsft.errors import ConfigurationError, LineageError
from rsft.promotion.exam import (
    answers_on_record,
    base_answers,
    own_answers,
    read_exam,
    read_policy,
    read_prompts,
)
from rsft.promotion.form import has_made
from tests.promotion.cases import Checkout, answers, greedy


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    made = Checkout(tmp_path_factory.mktemp("exam") / "checkout")
    made.run("r1", answers(30) + answers(5, "guard"), answers(10) + answers(2, "guard"))
    made.run("r2", answers(50), model_hash="m2.dir")
    made.run("r3", answers(60), model_hash="m1.dir", prompts="asked anew")
    return made


def read(checkout: Checkout, run: str):
    from rsft.lineage import read_run

    return read_run(checkout.workspace, run)


def test_the_greedy_answers_are_read_by_set_from_the_cache(checkout: Checkout):
    run = read(checkout, "r1")
    found = own_answers(checkout.workspace, run)
    assert found == {"eval": greedy(30), "guard": greedy(5, "guard")}
    assert base_answers(checkout.workspace, run) == {
        "eval": greedy(10),
        "guard": greedy(2, "guard"),
    }


def test_the_exam_is_that_of_the_tag_not_of_the_checkout(checkout: Checkout):
    exam = read_exam(checkout.workspace, read(checkout, "r1"))
    assert exam.prompts.keys() == {"eval", "guard"}
    prompts = read_prompts(checkout.workspace, exam)
    assert [len(rows) for rows in prompts.values()] == [80, 80]
    assert prompts["eval"][0].text == "asked of eval: 0"
    other = read_exam(checkout.workspace, read(checkout, "r3"))
    assert other.prompts["eval"] != exam.prompts["eval"]
    assert (exam.fingerprint, other.fingerprint) == ("asked", "asked anew")


@pytest.mark.parametrize("key", ["changed", "evaluation", "model", "stages", "monitors"])
def test_a_run_that_another_project_recorded_is_refused_in_one_line(
    checkout: Checkout, key: str
) -> None:
    run = read(checkout, "r1")
    lacking = {name: told for name, told in run.manifest.items() if name != key}
    message = f"^run/r1 cannot be judged: of its manifest '{key}' is not as .* \\(Field required"
    with pytest.raises(LineageError, match=message):
        read_exam(checkout.workspace, replace(run, manifest=lacking))


@pytest.mark.parametrize("told", [[], {"model": "m1.dir"}, {"model": {"hash": ["m1.dir"]}}])
def test_a_manifest_may_be_anything(checkout: Checkout, told: Any) -> None:
    run = replace(read(checkout, "r1"), manifest=told)
    assert not has_made(run, "m1.dir")
    with pytest.raises(LineageError, match=r"^run/r1 cannot be judged"):
        read_exam(checkout.workspace, run)


def test_a_split_that_the_run_did_not_make_is_refused(tmp_path: Path) -> None:
    made = Checkout(tmp_path / "checkout", "evaluate.sets={eval: eval, guard: guard_paraphrases}")
    with pytest.raises(LineageError, match="run/r1 has no data/prompts/guard_paraphrases"):
        read_exam(made.workspace, made.run("r1", answers(30)))


def test_a_model_answered_an_exam_where_a_run_at_hand_says_so(checkout: Checkout):
    """r1 and r3 made the same model, and asked it other prompts."""
    workspace = checkout.workspace
    exam = read_exam(workspace, read(checkout, "r2"))
    assert answers_on_record(workspace, "m1.dir", exam) == own_answers(
        workspace, read(checkout, "r1")
    )
    anew = read_exam(workspace, read(checkout, "r3"))
    assert answers_on_record(workspace, "m1.dir", anew) == {"eval": greedy(60)}
    assert answers_on_record(workspace, "m2.dir", anew) is None
    assert answers_on_record(workspace, "m3.dir", exam) is None


def test_a_run_that_changed_underneath_is_not_believed(tmp_path: Path):
    checkout = Checkout(tmp_path / "checkout")
    exam = read_exam(checkout.workspace, checkout.run("r1", answers(30)))
    marked = checkout.run("r2", answers(0), changed=["rsft/score/exact.py"])
    assert marked.manifest["changed"]
    assert answers_on_record(checkout.workspace, "m1.dir", exam) == {"eval": greedy(30)}


def test_what_is_not_what_was_recorded_is_refused(tmp_path: Path):
    checkout = Checkout(tmp_path / "checkout")
    run = checkout.run("r1", answers(30))
    exam = read_exam(checkout.workspace, run)
    for file in checkout.object("00").parents[1].rglob("*"):
        if file.is_file() and not file.name.endswith(".dir"):
            file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(LineageError, match="is not what was recorded; `rsft audit` tells"):
        own_answers(checkout.workspace, run)
    assert answers_on_record(checkout.workspace, "m1.dir", exam) is None
    with pytest.raises(LineageError, match="is not what was recorded"):
        read_prompts(checkout.workspace, exam)


def test_what_another_machine_s_run_left_in_the_remote_is_brought(tmp_path: Path):
    checkout = Checkout(tmp_path / "checkout")
    run = checkout.run("r1", answers(30))
    cache, remote = checkout.workspace.root / ".dvc" / "cache", tmp_path / "remote"
    cache.rename(remote)
    settings = f"[core]\n    remote = far\n['remote \"far\"']\n    url = {remote}\n"
    (cache.parent / "config").write_text(settings)
    exam = read_exam(checkout.workspace, run)
    assert own_answers(checkout.workspace, run) == {"eval": greedy(30)}
    assert set(read_prompts(checkout.workspace, exam)) == {"eval", "guard"}


def test_what_is_gone_is_named(tmp_path: Path):
    checkout = Checkout(tmp_path / "checkout")
    run = checkout.run("r1", answers(30))
    for file in checkout.object("00").parents[1].rglob("*"):
        if file.is_file() and not file.name.endswith(".dir"):
            file.unlink()
    with pytest.raises(LineageError, match="is not in the cache; `dvc pull` brings it back"):
        own_answers(checkout.workspace, run)


def test_the_policy_is_the_one_that_the_run_was_pinned_with(tmp_path: Path):
    checkout = Checkout(tmp_path / "checkout")
    run = checkout.run("r1", answers(30))
    file = checkout.workspace.root / "mlflow" / "policy.yaml"
    file.write_text(file.read_text().replace("alpha: 0.05", "alpha: 0.4"))
    assert read_policy(checkout.workspace, run).gain.alpha == 0.05
    eased = checkout.run("r2", answers(30))
    assert read_policy(checkout.workspace, eased).gain.alpha == 0.4
    file.unlink()
    without = checkout.run("r3", answers(30))
    with pytest.raises(LineageError, match=r"run/r3 pins no mlflow/policy.yaml; commit one"):
        read_policy(checkout.workspace, without)
    file.write_text("gain: {alpha: 2}")
    broken = checkout.run("r4", answers(30))
    with pytest.raises(ConfigurationError, match=r"mlflow/policy.yaml in run/r4: gain.alpha = 2: "):
        read_policy(checkout.workspace, broken)
