"""What stages that train have in common: a training's plan, and what lies beside the model."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune import Job
from rsft.policy import Policy, load_policy, save_policy
from rsft.stages import fingerprint, training
from rsft.stages.training import train_into, training_plan
from tests.finetune.cases import MANY, changed, equal, tiny_policy, weights
from tests.stages.cases import settings, silent

JOB = Job(policy=tiny_policy(), rows=MANY, section=changed(steps=3), seed=0, heldout=MANY[:2])
STOPPING = {"every": 2, "patience": 1}


def differing(job: Job) -> set[str]:
    """Names of what differs from the plan of ``JOB``."""
    old, new = training_plan(JOB, "finetune"), training_plan(job, "finetune")
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, set()),
        ({"section": changed(steps=3, checkpoint_steps=1)}, set()),
        ({"section": changed(steps=4)}, {"finetune.steps"}),
        (
            {"section": changed(steps=3, early_stopping=STOPPING)},
            {"finetune.early_stopping.every", "finetune.early_stopping.patience"},
        ),
        ({"seed": 1}, {"seed"}),
        ({"rows": MANY[::-1]}, {"rows"}),
        ({"rows": [*MANY[:-1], replace(MANY[-1], weight=0.7)]}, {"rows"}),
        ({"heldout": MANY[:3]}, {"held-out rows"}),
        ({"reference": tiny_policy()}, {"reference policy"}),
        ({"policy": tiny_policy(dropout=0.2)}, {"policy"}),
    ],
)
def test_a_plan_holds_all_that_the_weights_are_a_function_of(
    change: dict[str, object], names: set[str]
) -> None:
    assert differing(replace(JOB, **change)) == names


def test_code_libraries_and_threads_are_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = training_plan(JOB, "finetune")
    monkeypatch.setattr(training, "_CODE", "edited")
    monkeypatch.setattr(fingerprint, "version", lambda name: "0" if name == "torch" else "1")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    other = training_plan(JOB, "finetune")
    changed_names = {name for name in plan if plan[name] != other[name]}
    assert {"code of rsft", "version of torch", "runtime.threads"} <= changed_names
    assert plan["runtime.device"] == "cpu"


def test_the_model_is_written_with_its_record_and_nothing_else_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = replace(JOB, policy=tiny_policy(), section=changed(steps=3, checkpoint_steps=1))
    train_into(Path("model"), job, "finetune-1", None, silent)
    assert equal(weights(load_policy(Path("model"))), weights(job.policy))
    told = json.loads(Path("model/training.json").read_text())
    assert set(told) == {
        "best_step", "heldout_loss", "left_out", "licences", "loss", "padding_share", "rows",
        "sources", "target_tokens",
    }  # fmt: skip
    assert told["sources"] == {"ours": 5, "theirs": 5}
    assert list(Path(".rsft/training").iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: No space left on device (os error 28)"),
        Exception("No space left on device (os error 28)"),  # what tokenizers raise
    ],
)
def test_a_model_that_the_disk_does_not_take_is_one_line_and_its_checkpoints_stay(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = replace(JOB, policy=tiny_policy(), section=changed(steps=3, checkpoint_steps=1))

    def full(policy: Policy, folder: Path) -> None:
        save_policy(policy, folder)
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(training, "save_policy", full)
        with pytest.raises(TrainingError, match=r"^model: cannot be written \(.*make room.*$"):
            train_into(Path("model"), job, "finetune-1", None, silent)
    assert not Path("model").exists()
    seen: list[int] = []
    job = replace(job, policy=tiny_policy())
    train_into(
        Path("model"), job, "finetune-1", None, lambda done, total, note="": seen.append(done)
    )
    assert seen == [], "all steps were kept"
    assert Path("model/training.json").exists()


def test_a_defect_while_writing_is_not_taken_for_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyError), training.whole_or_not_at_all(tmp_path / "model"):
        raise KeyError("weights")


def test_early_stopping_without_held_out_prompts_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigurationError, match=r"early_stopping .*raise pool\.heldout_share"):
        settings("pool.heldout_share=0", "finetune.early_stopping={every: 2, patience: 1}")
