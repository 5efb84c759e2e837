"""What each control is trained on, and that nothing else of it differs."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rsft.errors import ConfigurationError
from rsft.finetune import train
from rsft.ledger import table_of, write_rows
from rsft.policy import Policy, load_policy
from rsft.stages import control
from rsft.stages.control import control_rows
from rsft.types import TrainingRow
from tests.stages.cases import row, settings, silent, write_base, write_handed_on

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

CROWDED = [*KEPT, *(row(2, text, round=2, draw=d) for d, text in enumerate("abcde"))]
"""With five rows of a prompt that has three candidates of the first round."""


@cache
def _seen() -> pa.Table:
    return table_of(TrainingRow, SEEN)


def chosen(
    name: str, *, seed: int, kept: list[TrainingRow] = KEPT, last: int = 2
) -> list[TrainingRow]:
    """The rows of a control, where candidates lie in row groups of four."""
    with TemporaryDirectory() as folder:
        seen = Path(folder) / "seen.parquet"
        pq.write_table(_seen(), seen, row_group_size=4)
        return control_rows(name, kept, seen, last=last, seed=seed)


def counts(rows: list[TrainingRow]) -> dict[str, int]:
    return dict(Counter(row.prompt_id for row in rows if row.round > 0))


@pytest.mark.parametrize("name", ["random", "random_all_rounds", "no_filter", "supervised"])
def test_every_control_has_the_labelled_rows_first(name: str) -> None:
    assert chosen(name, seed=1)[:2] == LABELLED


def test_supervised_has_nothing_else() -> None:
    assert chosen("supervised", seed=1) == LABELLED


def test_no_filter_has_every_distinct_candidate_of_all_rounds() -> None:
    rows = chosen("no_filter", seed=1)[2:]
    assert sorted((row.prompt_id, row.completion) for row in rows) == sorted(
        {(row.prompt_id, row.completion) for row in SEEN}
    )
    assert len(rows) == 12


@pytest.mark.parametrize("name", ["random", "random_all_rounds"])
def test_random_has_as_many_rows_of_each_prompt_as_were_kept(name: str) -> None:
    for seed in range(20):
        assert counts(chosen(name, seed=seed)) == {"train-0": 2, "train-1": 2}


def test_random_takes_from_the_first_round_only() -> None:
    drawn = [row for s in range(50) for row in chosen("random", seed=s)[2:]]
    assert {row.round for row in drawn} == {1}


def test_random_all_rounds_takes_from_later_rounds_too() -> None:
    drawn = [row for s in range(50) for row in chosen("random_all_rounds", seed=s)[2:]]
    assert {row.round for row in drawn} == {1, 2}


def test_random_is_uniform_over_a_prompt_s_candidates() -> None:
    """Two of three, so each with 2/3; 600 draws put 4.5 standard deviations at 52."""
    drawn = Counter(
        row.completion
        for seed in range(600)
        for row in chosen("random", seed=seed)[2:]
        if row.prompt_id == "train-0"
    )
    assert set(drawn) == {"n0 = r0", "n1 = r0", "+"}
    assert all(abs(count - 400) <= 52 for count in drawn.values())


def test_random_never_takes_a_candidate_twice() -> None:
    for seed in range(20):
        rows = chosen("random", seed=seed)[2:]
        assert len({(row.prompt_id, row.draw) for row in rows}) == len(rows)


def test_where_a_prompt_has_fewer_candidates_all_of_them_are_taken() -> None:
    for seed in range(20):
        rows = chosen("random", seed=seed, kept=CROWDED)
        assert counts(rows) == {"train-0": 2, "train-1": 2, "train-2": 3}


@pytest.mark.parametrize("name", ["random", "random_all_rounds", "no_filter"])
def test_without_candidates_there_are_the_labelled_rows(name: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "seen.parquet", TrainingRow, [])
    rows = control_rows(name, CROWDED, tmp_path / "seen.parquet", last=2, seed=1)
    assert rows == LABELLED


@pytest.fixture
def after_two_rounds(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, LABELLED)
    write_rows(Path("data/rounds/2/pool/kept.parquet"), TrainingRow, KEPT)
    write_rows(Path("data/rounds/2/pool/seen.parquet"), TrainingRow, SEEN)
    write_handed_on(Path("data/rounds/2"), 2, None, 5, 3)
    monkeypatch.setattr(control, "measure", lambda policy, config, folder: measured.append(folder))
    measured.clear()


measured: list[Path] = []
"""Folders whose policies were measured."""

SETTINGS = ("rounds=2", "controls.names=[random, no_filter, supervised]", "finetune.steps=3")


def figures(name: str) -> dict[str, int]:
    return json.loads(Path(f"data/controls/2/{name}/model/control.json").read_text())


def trained(*steps: int, rounds: int = 2) -> Policy:
    """The base, trained for so many steps at a time on the rows of ``no_filter``."""
    config = settings(*SETTINGS)
    policy = load_policy(Path("data/base/model"))
    for taken in steps:
        rows = chosen("no_filter", seed=config.seed, last=rounds)
        section = config.finetune.model_copy(update={"steps": taken})
        train(policy, rows, section, seed=config.seed)
    return policy


@pytest.mark.usefixtures("after_two_rounds")
def test_a_control_is_the_base_trained_on_its_rows_with_the_settings_of_a_round() -> None:
    control.run(settings(*SETTINGS), "2-no_filter", silent)
    found = load_policy(Path("data/controls/2/no_filter/model"))
    assert found.version == trained(3).version
    assert found.version != load_policy(Path("data/base/model")).version
    assert figures("no_filter") == {"rows": 14, "labelled": 2, "missing": 0, "steps": 3}


@pytest.mark.usefixtures("after_two_rounds")
@pytest.mark.parametrize(
    ("start", "handed_on", "steps"),
    [
        ("previous", 2, (5, 3)),
        ("previous", 1, (5,)),
        ("previous", 0, (7,)),
        ("base", 2, (3,)),
        ("base", 1, (5,)),
        ("base", 0, (7,)),
    ],
)
def test_a_control_takes_the_steps_that_the_policy_handed_on_has_taken(
    start: str, handed_on: int, steps: tuple[int, ...]
) -> None:
    """Round 1 took 5 steps and round 2 took 3: early stopping ended them before the 7 set."""
    write_handed_on(Path("data/rounds/2"), handed_on, None, 5, 3)
    more = (
        f"finetune.start={start}",
        "finetune.steps=7",
        "finetune.early_stopping={every: 1, patience: 1}",
    )
    control.run(settings(*SETTINGS, *more), "2-no_filter", silent)
    found = load_policy(Path("data/controls/2/no_filter/model"))
    assert found.version == trained(*steps, rounds=handed_on or 2).version
    assert figures("no_filter")["steps"] == sum(steps)


@pytest.mark.usefixtures("after_two_rounds")
@pytest.mark.parametrize(("handed_on", "rows", "candidates"), [(2, 6, 12), (1, 5, 9), (0, 6, 12)])
def test_a_control_is_matched_to_the_pool_of_the_policy_that_is_handed_on(
    handed_on: int, rows: int, candidates: int
) -> None:
    """Round 1 kept three rows of nine candidates; round 2, whose policy is left, one of three new.

    Where the base is handed on, which kept none, the control has those of both.
    """
    write_handed_on(Path("data/rounds/2"), handed_on, None, 5, 3)
    for name in ("random", "no_filter"):
        control.run(settings(*SETTINGS), f"2-{name}", silent)
    assert figures("random")["rows"] == rows
    assert figures("random")["missing"] == 0
    assert figures("no_filter")["rows"] == 2 + candidates


@pytest.mark.usefixtures("after_two_rounds")
def test_a_control_is_measured_as_a_round_is() -> None:
    control.run(settings(*SETTINGS), "2-supervised", silent)
    assert measured == [Path("data/controls/2/supervised")]


@pytest.mark.usefixtures("after_two_rounds")
def test_rows_that_a_control_has_less_than_the_pool_are_counted() -> None:
    """Five were kept of a prompt that has three candidates of the first round."""
    write_rows(Path("data/rounds/2/pool/kept.parquet"), TrainingRow, CROWDED)
    control.run(settings(*SETTINGS), "2-random", silent)
    assert figures("random") == {"rows": 9, "labelled": 2, "missing": 2, "steps": 3}


@pytest.mark.usefixtures("after_two_rounds")
def test_a_control_without_rows_is_an_error_that_says_what_to_do() -> None:
    write_rows(Path("data/rounds/2/pool/kept.parquet"), TrainingRow, KEPT[2:])
    with pytest.raises(ConfigurationError, match=r"controls\.names: 'supervised' has no rows"):
        control.run(settings(*SETTINGS), "2-supervised", silent)
    assert not Path("data/controls").exists()


@pytest.mark.usefixtures("after_two_rounds")
def test_supervised_learns_labelled_rows_that_the_rounds_do_not() -> None:
    control.run(settings(*SETTINGS, "finetune.supervised_share=0"), "2-supervised", silent)
    assert figures("supervised")["rows"] == 2
