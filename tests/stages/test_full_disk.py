"""A disk that fills while candidates are drawn, or a model is written: what is whole stays."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rsft.errors import LedgerError, TrainingError
from rsft.policy import Policy, load_policy
from rsft.stages.training import train_into
from tests.disks import Disk
from tests.disks import disk as disk
from tests.finetune.cases import changed, equal, tiny_policy, weights
from tests.stages.cases import silent
from tests.stages.test_kills import base as base
from tests.stages.test_kills import bytes_of_outputs, in_ledger
from tests.stages.test_kills import run as generate
from tests.stages.test_training import JOB


def test_drawing_goes_on_from_where_the_disk_was_full(tiny_t5: Policy, disk: Disk) -> None:
    generate()
    expected, wanted = bytes_of_outputs(), in_ledger()
    shutil.rmtree("data/rounds")
    shutil.rmtree(".rsft/ledger")
    disk(Path(".rsft/ledger"), "80k")
    with pytest.raises(LedgerError, match=r"\.rsft/ledger/.*cannot be written \(.*No space left"):
        generate()
    kept = in_ledger()
    assert 0 < kept.total() < wanted.total()
    assert not list(Path(".rsft/ledger").rglob(".*.tmp"))
    disk(Path(".rsft/ledger"), "8m")
    generate()
    assert bytes_of_outputs() == expected
    assert in_ledger() == wanted


def test_training_is_not_repeated_where_only_its_model_had_no_room(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = replace(JOB, policy=tiny_policy(), section=changed(steps=3, checkpoint_steps=1))
    disk(Path("data"), "8k")
    with pytest.raises(TrainingError, match=r"^data/model: cannot be written \(.*make room"):
        train_into(Path("data/model"), job, "finetune-1", None, silent)
    assert list(Path("data").iterdir()) == []
    disk(Path("data"), "8m")
    seen: list[int] = []
    again = replace(job, policy=tiny_policy())
    train_into(Path("data/model"), again, "finetune-1", None, lambda done, *_: seen.append(done))
    assert seen == []
    assert equal(weights(load_policy(Path("data/model"))), weights(job.policy))
