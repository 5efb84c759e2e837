"""Going on after an interruption, to the same bits; what is torn or foreign is not gone on with.

That a real SIGKILL is no different is shown in tests/stages/test_training_kills.py.
"""

import errno
import json
import logging
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rsft.errors import TrainingError
from rsft.finetune import Checkpoints, Training, train
from rsft.policy import Policy
from tests.finetune.cases import MANY, changed, equal, tiny_policy, weights

SECTION = changed(
    steps=14,
    batch_size=4,
    word_dropout=0.2,
    checkpoint_steps=2,
    early_stopping={"every": 3, "patience": 2},
)
PLAN = {"finetune.learning_rate": 0.01, "rows": "3f" * 20, "seed": 0}


class StopError(Exception):
    """What stands for a kill."""


def stop_after(step: int) -> Callable[..., None]:
    def told(done: int, total: int, note: str = "") -> None:
        if done == step:
            raise StopError

    return told


def run(checkpoints: Checkpoints | None, stop: int | None = None) -> tuple[Policy, Training | None]:
    policy = tiny_policy()
    on_progress = None if stop is None else stop_after(stop)
    try:
        training = train(
            policy,
            MANY,
            SECTION,
            seed=0,
            heldout=MANY[:3],
            checkpoints=checkpoints,
            on_progress=on_progress,
        )
    except StopError:
        return policy, None
    return policy, training


@pytest.fixture(scope="module")
def undisturbed() -> tuple[list[torch.Tensor], Training]:
    policy, training = run(None)
    assert training is not None
    return weights(policy), training


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves that ends after its ninth step."""
    folder = tmp_path_factory.mktemp("stopped") / "training"
    run(Checkpoints(folder, PLAN), stop=9)
    return folder


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "training", PLAN)


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(file.name for file in checkpoints.folder.iterdir())


def steps_taken(checkpoints: Checkpoints) -> tuple[Policy, Training, list[int]]:
    """Trains to the end; tells the steps that it took."""
    steps: list[int] = []
    policy = tiny_policy()
    training = train(
        policy, MANY, SECTION, seed=0, heldout=MANY[:3], checkpoints=checkpoints,
        on_progress=lambda done, total, note="": steps.append(done),
    )  # fmt: skip
    return policy, training, steps


@pytest.mark.parametrize("stop", [1, 2, 3, 5, 8, 11, 13])
def test_a_run_goes_on_to_the_same_bits(
    stop: int, checkpoints: Checkpoints, undisturbed: tuple[list[torch.Tensor], Training]
) -> None:
    run(checkpoints, stop=stop)
    policy, training, steps = steps_taken(checkpoints)
    assert steps[0] == stop - stop % 2 + 1
    assert equal(weights(policy), undisturbed[0])
    assert training == undisturbed[1]


def test_it_is_not_the_same_bits_without_the_optimiser_s_moments(
    checkpoints: Checkpoints, undisturbed: tuple[list[torch.Tensor], Training]
) -> None:
    """That the check above can fail."""
    run(checkpoints, stop=8)
    real = torch.optim.AdamW.step
    seen = []

    def forgetful(self: Any, *args: Any) -> Any:
        if not seen:
            self.state.clear()
        seen.append(1)
        return real(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", forgetful)
        policy, _, _ = steps_taken(checkpoints)
    assert not equal(weights(policy), undisturbed[0])


def test_a_run_that_was_over_is_over_when_gone_on_with(checkpoints: Checkpoints) -> None:
    section = changed(SECTION, steps=40, early_stopping={"every": 1, "patience": 1})
    wrong = [*MANY[:1]]
    policies, trainings = [], []
    for _ in range(2):
        policies.append(tiny_policy())
        trainings.append(
            train(
                policies[-1], MANY, changed(section, checkpoint_steps=1), seed=0,
                heldout=wrong, checkpoints=checkpoints,
            )
        )  # fmt: skip
    assert len(trainings[0].loss) < 40
    assert trainings[0] == trainings[1]
    assert equal(weights(policies[0]), weights(policies[1]))


def test_the_last_two_are_kept_and_hold_no_pickle(stopped: Path, checkpoints: Checkpoints) -> None:
    shutil.copytree(stopped, checkpoints.folder)
    assert names(checkpoints) == ["step-00000006", "step-00000008"]
    files = sorted(file.name for file in (checkpoints.folder / "step-00000008").iterdir())
    assert files == [
        "best.safetensors",
        "optimiser.safetensors",
        "state.json",
        "weights.safetensors",
    ]


def test_none_is_written_where_none_is_asked_for(checkpoints: Checkpoints) -> None:
    section = changed(SECTION, checkpoint_steps=None)
    train(tiny_policy(), MANY, section, seed=0, heldout=MANY, checkpoints=checkpoints)
    assert not checkpoints.folder.exists()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def lie(file: Path) -> None:
    """A number that is another, in a file that reads well."""
    content = json.loads(file.read_text())
    content["state"]["history"]["target_tokens"] += 1
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("weights.safetensors", cut),
        ("weights.safetensors", Path.unlink),
        ("optimiser.safetensors", flip),
        ("state.json", cut),
        ("state.json", lie),
        ("state.json", Path.unlink),
    ],
)
def test_one_that_is_torn_is_named_and_the_one_before_is_used(
    name: str,
    harm: Callable[[Path], None],
    stopped: Path,
    checkpoints: Checkpoints,
    undisturbed: tuple[list[torch.Tensor], Training],
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copytree(stopped, checkpoints.folder)
    harm(checkpoints.folder / "step-00000008" / name)
    with caplog.at_level(logging.WARNING, logger="rsft"):
        policy, training, steps = steps_taken(checkpoints)
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "step-00000008: " + name.split(".")[0] in warning
    assert warning.endswith("; the checkpoint before it is used")
    assert steps[0] == 7
    assert equal(weights(policy), undisturbed[0])
    assert training == undisturbed[1]


def test_where_all_are_torn_training_begins_anew(
    stopped: Path, checkpoints: Checkpoints, undisturbed: tuple[list[torch.Tensor], Training]
) -> None:
    shutil.copytree(stopped, checkpoints.folder)
    for folder in checkpoints.folder.iterdir():
        cut(folder / "weights.safetensors")
    policy, _, steps = steps_taken(checkpoints)
    assert steps[0] == 1
    assert equal(weights(policy), undisturbed[0])


def test_what_a_kill_left_half_written_is_removed(stopped: Path, checkpoints: Checkpoints) -> None:
    shutil.copytree(stopped, checkpoints.folder)
    newest = checkpoints.folder / "step-00000008"
    shutil.move(newest, newest.with_name(".step-00000008.tmp"))
    assert checkpoints.latest() == checkpoints.folder / "step-00000006"
    assert names(checkpoints) == ["step-00000006"]


def test_what_is_no_folder_or_nests_without_end_is_torn(
    stopped: Path, checkpoints: Checkpoints, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(stopped, checkpoints.folder)
    (checkpoints.folder / "step-00000010").touch()
    (checkpoints.folder / "step-00000012").symlink_to(tmp_path)
    (checkpoints.folder / "step-00000014").mkdir()
    (checkpoints.folder / "step-00000014" / "state.json").write_text("[" * 100_000)
    (checkpoints.folder / ".step-00000016.tmp").touch()
    with caplog.at_level(logging.WARNING, logger="rsft"):
        assert checkpoints.latest() == checkpoints.folder / "step-00000008"
    assert len(caplog.records) == 3
    assert names(checkpoints) == ["step-00000006", "step-00000008"]
    assert tmp_path.exists()


def test_a_link_to_another_disk_stays_and_what_lies_there_is_removed(tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "training"
    link.symlink_to(other)
    for clear in (Checkpoints(link, PLAN | {"seed": 1}).latest, Checkpoints(link, PLAN).remove):
        run(Checkpoints(link, PLAN), stop=2)
        assert [file.name for file in other.iterdir()] == ["step-00000002"]
        clear()
        assert not other.exists()
    assert link.is_symlink()


def test_those_of_another_plan_are_removed_and_what_differs_is_said(
    stopped: Path, checkpoints: Checkpoints, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(stopped, checkpoints.folder)
    other = {"finetune.learning_rate": 0.02, "rows": "91" * 20, "seed": 0}
    with caplog.at_level(logging.WARNING, logger="rsft"):
        assert Checkpoints(checkpoints.folder, other).latest() is None
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "(finetune.learning_rate 0.01 ≠ 0.02, rows 3f3f3f3f… ≠ 91919191…)" in warning
    assert "\n" not in warning
    assert not checkpoints.folder.exists()


def test_a_plan_that_differs_in_much_is_told_in_short(
    checkpoints: Checkpoints, caplog: pytest.LogCaptureFixture
) -> None:
    run(checkpoints, stop=2)
    other = PLAN | {f"finetune.x{number}": number for number in range(9)}
    with caplog.at_level(logging.WARNING, logger="rsft"):
        Checkpoints(checkpoints.folder, other).latest()
    assert "(finetune.x0 null ≠ 0, finetune.x1 null ≠ 1, finetune.x2 null ≠ 2 and 6 more)" in (
        caplog.text
    )


def test_a_loss_that_is_not_a_number_leaves_the_last_good_one(checkpoints: Checkpoints) -> None:
    policy = tiny_policy()

    def poison(done: int, total: int, note: str = "") -> None:
        if done == 5:
            with torch.no_grad():
                policy.model.get_input_embeddings().weight.fill_(float("inf"))

    with pytest.raises(TrainingError, match=r"the loss of step 6 is nan"):
        train(
            policy, MANY, SECTION, seed=0, heldout=MANY[:3],
            checkpoints=checkpoints, on_progress=poison,
        )  # fmt: skip
    assert names(checkpoints) == ["step-00000002", "step-00000004"]
    _, training, steps = steps_taken(checkpoints)
    assert steps[0] == 5
    assert len(training.loss) == SECTION.steps


@pytest.mark.parametrize("broken", ["save_file", "_sync"])
def test_a_full_disk_is_said_and_training_goes_on(
    broken: str,
    checkpoints: Checkpoints,
    undisturbed: tuple[list[torch.Tensor], Training],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run(checkpoints, stop=5)

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"rsft.finetune.checkpoints.{broken}", full)
    with caplog.at_level(logging.WARNING, logger="rsft"):
        policy, training, steps = steps_taken(checkpoints)
    assert steps[0] == 5
    assert "step-00000006: cannot be written (No space left on device)" in caplog.text
    assert names(checkpoints) == ["step-00000002", "step-00000004"]
    assert equal(weights(policy), undisturbed[0])
    assert training == undisturbed[1]


def test_a_file_that_the_disk_does_not_take_is_said(
    checkpoints: Checkpoints, caplog: pytest.LogCaptureFixture
) -> None:
    """Safetensors has an error of its own; a limit on the size of files brings it about."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        run(checkpoints, stop=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "step-00000002: cannot be written (" in caplog.text
    assert "File too large" in caplog.text
    assert "\n" not in caplog.records[0].getMessage()
    assert names(checkpoints) == []
