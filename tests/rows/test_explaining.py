"""Everything that is told of a row, from the data sets of the run that it is a row of."""

import pytest

from rsft.errors import LineageError
from rsft.lineage import RunRecord, Workspace
from rsft.rows import Explanation, RowAddress, explain_row
from rsft.types import Decided
from tests.rows.cases import ACCEPTED, DIAGNOSTICS, REFUSED, TRAIN, record, write_data


@pytest.fixture
def explained(workspace: Workspace, runs: list[RunRecord]):
    def explain(name: str, place: int = 0) -> Explanation:
        return explain_row(workspace, runs[place], RowAddress.parse(name))

    return explain


def test_an_accepted_row_is_followed_to_its_models(explained) -> None:
    found = explained("train-0:1:0")
    assert (found.found.prompt, found.found.split) == (TRAIN[0], "train")
    assert found.completion == "one"
    assert found.candidate == ACCEPTED
    assert found.rule == DIAGNOSTICS
    assert found.law == {"temperature": 1.0}
    assert [(fate.round, fate.fate) for fate in found.fates] == [(1, "kept"), (2, "kept")]
    assert [(model.path, model.how, model.rows, model.versions) for model in found.models] == [
        ("data/rounds/1/trained", "trained", 1, ()),
        ("data/rounds/2/trained", "trained", 1, ("rsft/3",)),
        ("data/controls/2/no_filter/model", "trained", None, ()),
        ("data/controls/2/random/model", "perhaps", None, ()),
    ]
    assert [model.path for model in found.models if model.is_champion] == ["data/rounds/2/trained"]


def test_a_row_of_the_second_round_is_none_that_random_draws_from(explained) -> None:
    found = explained("train-0:2:0")
    assert [(fate.round, fate.fate) for fate in found.fates] == [(2, "kept")]
    assert [model.path for model in found.models] == [
        "data/rounds/2/trained",
        "data/controls/2/no_filter/model",
    ]


def test_a_row_that_was_not_accepted_trained_nobody_but_a_control(explained) -> None:
    found = explained("train-0:1:1")
    assert found.candidate == REFUSED
    assert found.fates == ()
    assert [model.path for model in found.models] == [
        "data/controls/2/no_filter/model",
        "data/controls/2/random/model",
    ]


@pytest.mark.parametrize(
    ("name", "fates"),
    [
        ("train-1:1:0", ["kept", "over_cap"]),
        ("train-1:1:2", ["repeated", "over_cap"]),
        ("train-1:1:3", ["contaminated", "contaminated"]),
        ("train-2:1:0", ["held_out", "held_out"]),
    ],
)
def test_what_became_of_a_row_in_each_pool(explained, name: str, fates: list[str]) -> None:
    assert [fate.fate for fate in explained(name).fates] == fates


def test_a_model_that_came_of_one_that_learnt_from_it_is_told(explained) -> None:
    models = {model.path: model for model in explained("train-1:1:0").models}
    assert models["data/rounds/1/trained"].how == "trained"
    assert models["data/rounds/2/trained"].how == "descended"
    assert models["data/rounds/2/trained"].rows is None


def test_a_round_that_was_not_run_trained_nobody(workspace: Workspace) -> None:
    """Its pool is that of the round before, and its model is handed through."""
    write_data(workspace.root)
    (workspace.root / "data/rounds/1/handed_on.json").write_text('{"stopped": "it stalled"}')
    run = record(workspace.root, "20260103-stopped")
    found = explain_row(workspace, run, RowAddress.parse("train-0:1:0"))
    assert [model.path for model in found.models if model.rows] == ["data/rounds/1/trained"]


def test_a_base_that_was_not_made_here_learnt_nothing(workspace: Workspace) -> None:
    write_data(workspace.root)
    (workspace.root / "data/base/model/training.json").rename(
        workspace.root / "data/base/model/config.json"
    )
    run = record(workspace.root, "20260103-loaded")
    found = explain_row(workspace, run, RowAddress.parse("labelled-0:0:0"))
    assert found.models[0].path == "data/rounds/1/trained"


def test_a_labelled_row_taught_the_base_and_all_after_it(explained) -> None:
    found = explained("labelled-0:0:0")
    assert (found.candidate, found.rule, found.law) == (None, None, None)
    assert found.completion == "n0 + n1 = r0"
    assert [(fate.round, fate.fate) for fate in found.fates] == [(n, "kept") for n in range(3)]
    assert {model.path for model in found.models} == {
        "data/base/model",
        *(f"data/rounds/{number}/trained" for number in (1, 2)),
        *(f"data/controls/2/{name}/model" for name in ("random", "no_filter", "supervised")),
    }


def test_the_same_name_is_another_row_in_another_run(explained) -> None:
    assert explained("train-0:1:0", 1).found.prompt.text == TRAIN[1].text


def test_it_can_be_written_as_json(explained) -> None:
    document = explained("train-0:1:0").as_dict()
    assert document["row"] == "train-0:1:0"
    assert document["candidate"]["coin"] == 0.5
    assert set(document["candidate"]) == set(Decided.__dataclass_fields__)


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("train-9:1:0", "no prompt 'train-9'"),
        ("train-0:1:7", "no draw 7 of 'train-0' in round 1"),
        ("train-0:3:0", "no round 3"),
        ("train-0:0:0", "no prompt 'train-0' in the split 'labelled'"),
        ("x' or '1'='1:1:0", "no prompt"),
    ],
)
def test_a_row_that_there_is_not(explained, name: str, lacking: str) -> None:
    with pytest.raises(LineageError, match=f"run 20260101-one has {lacking}.*--run"):
        explained(name)


def object_of(workspace: Workspace, run: RunRecord, path: str):
    from rsft.rows.data import RunData

    return RunData(workspace, run).files(path)[0].file


def test_an_object_that_is_missing(explained, workspace: Workspace, runs: list[RunRecord]) -> None:
    object_of(workspace, runs[0], "data/rounds/1/decisions/part-00000.parquet").unlink()
    with pytest.raises(LineageError, match=r"part-00000\.parquet of run 20260101-one is neither"):
        explained("train-0:1:0")


def test_an_object_that_is_no_table(explained, workspace: Workspace, runs: list[RunRecord]) -> None:
    object_of(workspace, runs[0], "data/rounds/1/pool/kept.parquet").write_bytes(b"PAR1")
    with pytest.raises(LineageError, match=r"kept\.parquet of run .* cannot be read .* `rsft aud"):
        explained("train-0:1:0")
