"""What each control is trained on, and that nothing else of it differs."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from rsft.errors import ConfigurationError
from rsft.finetune import train
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, load_policy
from rsft.stages import control
from rsft.stages.control import control_rows
from rsft.types import Answer, TrainingRow
from tests.stages.cases import row, settings, silent, write_base

LABELLED = [row(0, "n0 + n1 = r0", round=0), row(1, "n0 + n1 = r0", round=0)]
KEPT = [
    *LABELLED,
    row(0, "n0 = r0"),
    row(0, "n1 = r0", draw=1),
    row(1, "n0 = r0"),
    row(1, "n1 = r0", round=2),
]
SEEN = [
    *(row(n, text, draw=d) for n in range(3) for d, text in enumerate(["n0 = r0", "n1 = r0", "+"])),
    *(row(n, text, round=2) for n in range(3) for text in ("n1 = r0", "n0 ;")),
]


def counts(rows: list[TrainingRow]) -> dict[str, int]:
    return dict(Counter(row.prompt_id for row in rows if row.round > 0))


@pytest.mark.parametrize("name", ["random", "random_all_rounds", "no_filter", "supervised"])
def test_every_control_has_the_labelled_rows_first(name: str) -> None:
    assert control_rows(name, KEPT, SEEN, seed=1)[:2] == LABELLED


def test_supervised_has_nothing_else() -> None:
    assert control_rows("supervised", KEPT, SEEN, seed=1) == LABELLED


def test_no_filter_has_every_distinct_candidate_of_all_rounds() -> None:
    rows = control_rows("no_filter", KEPT, SEEN, seed=1)[2:]
    assert sorted((row.prompt_id, row.completion) for row in rows) == sorted(
        {(row.prompt_id, row.completion) for row in SEEN}
    )
    assert len(rows) == 12


@pytest.mark.parametrize("name", ["random", "random_all_rounds"])
def test_random_has_as_many_rows_of_each_prompt_as_were_kept(name: str) -> None:
    for seed in range(20):
        assert counts(control_rows(name, KEPT, SEEN, seed=seed)) == {"train-0": 2, "train-1": 2}


def test_random_takes_from_the_first_round_only() -> None:
    drawn = [row for s in range(50) for row in control_rows("random", KEPT, SEEN, seed=s)[2:]]
    assert {row.round for row in drawn} == {1}


def test_random_all_rounds_takes_from_later_rounds_too() -> None:
    drawn = [
        row for s in range(50) for row in control_rows("random_all_rounds", KEPT, SEEN, seed=s)[2:]
    ]
    assert {row.round for row in drawn} == {1, 2}


def test_random_is_uniform_over_a_prompt_s_candidates() -> None:
    """Two of three, so each with 2/3; 600 draws put 4.5 standard deviations at 52."""
    drawn = Counter(
        row.completion
        for seed in range(600)
        for row in control_rows("random", KEPT, SEEN, seed=seed)[2:]
        if row.prompt_id == "train-0"
    )
    assert set(drawn) == {"n0 = r0", "n1 = r0", "+"}
    assert all(abs(count - 400) <= 52 for count in drawn.values())


def test_random_never_takes_a_candidate_twice() -> None:
    for seed in range(20):
        rows = control_rows("random", KEPT, SEEN, seed=seed)[2:]
        assert len({(row.prompt_id, row.draw) for row in rows}) == len(rows)


@pytest.fixture
def after_two_rounds(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, LABELLED)
    write_rows(Path("data/rounds/2/pool/kept.parquet"), TrainingRow, KEPT)
    write_rows(Path("data/rounds/2/pool/seen.parquet"), TrainingRow, SEEN)


SETTINGS = ("rounds=2", "controls.names=[no_filter, no_filter, supervised]", "finetune.steps=3",
            "evaluate.sets={eval: eval}", "evaluate.max_new_tokens=4")  # fmt: skip


@pytest.mark.usefixtures("after_two_rounds")
def test_a_control_is_the_base_trained_on_its_rows_with_the_settings_of_a_round() -> None:
    config = settings(*SETTINGS)
    control.run(config, "no_filter", silent)
    expected = load_policy(Path("data/base/model"))
    rows = control_rows("no_filter", KEPT, SEEN, seed=config.seed)
    train(expected, rows, config.finetune, seed=config.seed)
    found = load_policy(Path("data/controls/no_filter/model"))
    assert found.version == expected.version
    assert not torch.equal(
        found.model.get_input_embeddings().weight,
        load_policy(Path("data/base/model")).model.get_input_embeddings().weight,
    )


@pytest.mark.usefixtures("after_two_rounds")
def test_a_control_is_measured_as_a_round_is() -> None:
    control.run(settings(*SETTINGS), "supervised", silent)
    folder = Path("data/controls/supervised")
    assert json.loads((folder / "evaluation.json").read_text())["eval"]["prompts"] == 4
    assert len(read_rows(folder / "answers", Answer)) == 4


@pytest.mark.usefixtures("after_two_rounds")
def test_a_control_without_rows_is_an_error_that_says_what_to_do() -> None:
    write_rows(Path("data/rounds/2/pool/kept.parquet"), TrainingRow, KEPT[2:])
    with pytest.raises(ConfigurationError, match=r"controls\.names: 'supervised' has no rows"):
        control.run(settings(*SETTINGS), "supervised", silent)
    assert not Path("data/controls").exists()
