"""The figures of a run, from the files that its stages left."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from rsft.config import Config
from rsft.errors import LedgerError, LineageError
from rsft.ledger import write_rows
from rsft.runs.summary import compare_answers, summarise_data, summarise_round
from rsft.types import Answer, PromptDraws
from tests.answers import answer, sampled
from tests.stages.cases import settings

CONTROLS = ("random", "supervised")


def answers(right: Sequence[int], split: str = "eval") -> list[Answer]:
    """Greedy answers to twelve prompts in four families, those of the given numbers right."""
    return [
        answer(number, number in right, split=split, family=f"family-{number % 4}")
        for number in range(12)
    ]


def prompt_draws(prompt_id: str, status: Literal["drawn", "too_long"]) -> PromptDraws:
    return PromptDraws(
        prompt_id=prompt_id,
        status=status,
        prompt_tokens=9,
        draws=0,
        scored=0,
        right=0,
        success_rate=None,
    )


TRAINING = {
    "loss": [2.0, 1.0, 0.5],
    "best_step": 2,
    "rows": 12,
    "left_out": {"no_room": 1},
    "padding_share": 0.25,
    "sources": {"test": 12},
}


def leave(folder: str, right: Sequence[int]) -> None:
    """What ``evaluate`` leaves of a policy: its answers to two sets, and their figures."""
    drawn = [row for number in range(12) for row in sampled(number, "10")]
    rows = answers(right) + drawn + answers(range(12 - len(right), 12), split="guard")
    write_rows(Path("data") / folder / "answers" / "part-00000.parquet", Answer, rows)
    figures = {"eval": {"accuracy": len(right) / 12}, "guard": {"accuracy": 1.0}}
    (Path("data") / folder / "evaluation.json").write_text(json.dumps(figures))


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of two rounds: 3, 6 and 9 of 12 right, and the controls 6 and 9."""
    monkeypatch.chdir(tmp_path)
    leave("base", range(3))
    Path("data/base/monitor.json").write_text(json.dumps({"round": 0}))
    for key, right in (("1", 6), ("2", 9)):
        leave(f"rounds/{key}", range(right))
        decisions = Path("data/rounds") / key / "decisions"
        decisions.mkdir()
        (decisions.parent / "trained").mkdir()
        text = json.dumps(TRAINING)
        (decisions.parent / "trained" / "training.json").write_text(text)
        (decisions.parent / "monitor.json").write_text(json.dumps({"round": int(key)}))
        drawn = [prompt_draws("a", "drawn"), prompt_draws("b", "too_long")]
        write_rows(decisions.parent / "draws.parquet", PromptDraws, drawn)
        (decisions / "diagnostics.json").write_text(json.dumps({"accepted": 10 * int(key)}))
        (decisions.parent / "pool").mkdir()
        figures = {"rows": 12 * int(key)}
        (decisions.parent / "pool" / "diagnostics.json").write_text(json.dumps(figures))
    for name, right in zip(CONTROLS, (6, 9), strict=True):
        leave(f"controls/2/{name}", range(right))
        leave(f"controls/1/{name}", range(right - 3))


def config(*more: str) -> Config:
    return settings("rounds=2", f"controls.names=[{', '.join(CONTROLS)}]", *more)


def match(figures: dict[str, Any]) -> float:
    value: float = figures["sets"]["eval"]["accuracy"]
    return value


def test_it_has_base_rounds_and_controls_in_order() -> None:
    summary = summarise_data(config())
    assert list(summary) == ["base", "rounds", "controls", "gain"]
    assert match(summary["base"]) == 0.25
    assert [(r["round"], r["accepted"], match(r)) for r in summary["rounds"]] == [
        (1, 10, 0.5),
        (2, 20, 0.75),
    ]
    assert list(summary["controls"]) == ["2"]
    assert {name: match(c) for name, c in summary["controls"]["2"].items()} == {
        "random": 0.5,
        "supervised": 0.75,
    }


def test_the_gain_is_the_last_round_s_over_the_base_in_points() -> None:
    """Prompts 3 to 8 of 12: families 0 and 3 gain 2 of 3, families 1 and 2 gain 1 of 3."""
    gain = summarise_data(config())["gain"]
    assert gain["points"] == pytest.approx(50.0)
    assert 33.3 < gain["low"] < 50.0 < gain["high"] < 66.7


def test_each_control_says_how_far_its_round_is_ahead_of_it_on_each_set() -> None:
    controls = summarise_data(config("controls.rounds=[1, 2]"))["controls"]
    ahead = {
        (number, name): figures["difference"]["eval"]["points"]
        for number, named in controls.items()
        for name, figures in named.items()
    }
    assert ahead == {
        ("1", "random"): pytest.approx(25.0),
        ("1", "supervised"): 0.0,
        ("2", "random"): pytest.approx(25.0),
        ("2", "supervised"): 0.0,
    }
    level = {"points": 0.0, "low": 0.0, "high": 0.0, "better": 0, "worse": 0, "p_value": 1.0}
    assert controls["2"]["supervised"]["difference"] == {"eval": level, "guard": level}


def test_each_round_is_compared_with_the_base_and_the_round_before_on_each_set() -> None:
    """On ``eval`` 3, 6 and 9 of 12 are right, each of those before among them; so on ``guard``."""
    first, second = summarise_data(config())["rounds"]
    assert first["against_previous"] == first["against_base"]
    for name in ("eval", "guard"):
        assert first["against_base"][name]["points"] == pytest.approx(25.0)
        assert second["against_base"][name]["points"] == pytest.approx(50.0)
        assert second["against_previous"][name]["points"] == pytest.approx(25.0)
    found = second["against_base"]["eval"]
    assert (found["better"], found["worse"], found["p_value"]) == (6, 0, 2 / 64)
    assert found == summarise_data(config())["gain"]


def test_what_was_not_scored_for_both_is_not_compared() -> None:
    unscored = [answer(number, None, split="guard") for number in range(12)]
    file = Path("data/base/answers/part-00000.parquet")
    write_rows(file, Answer, answers(range(3)) + unscored)
    found = summarise_data(config())["rounds"][1]
    assert found["against_base"]["guard"] is None
    assert found["against_previous"]["guard"] is not None


def test_intervals_widen_with_the_confidence() -> None:
    wide, narrow = (
        summarise_data(config(f"evaluate.confidence={level}"))["gain"] for level in (0.99, 0.5)
    )
    assert wide["low"] < narrow["low"] <= narrow["high"] < wide["high"]


def test_a_summary_is_the_same_each_time() -> None:
    assert summarise_data(config()) == summarise_data(config())


def test_a_summary_is_plain_json() -> None:
    summary = summarise_data(config())
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_a_round_has_its_diagnostics_and_its_figures() -> None:
    assert summarise_round("1") == {
        "round": 1,
        "too_long": 1,
        "accepted": 10,
        "pool": {"rows": 12},
        "training": {
            "steps": 3,
            "first_loss": 2.0,
            "last_loss": 0.5,
            "best_step": 2,
            "rows": 12,
            "left_out": {"no_room": 1},
            "padding_share": 0.25,
        },
        "monitor": {"round": 1},
        "sets": {"eval": {"accuracy": 0.5}, "guard": {"accuracy": 1.0}},
    }


def test_answers_to_different_prompts_are_not_compared() -> None:
    with pytest.raises(LineageError, match="prompts"):
        compare_answers(config(), answers([1]), answers([1])[:-1])


def test_a_control_that_did_not_run_is_an_error_that_names_its_folder() -> None:
    for file in Path("data/controls/2/random/answers").iterdir():
        file.unlink()
    with pytest.raises(LedgerError, match="data/controls/2/random/answers"):
        summarise_data(config())


def test_a_round_whose_policy_was_not_trained_here_has_no_training() -> None:
    Path("data/rounds/1/trained/training.json").unlink()
    assert summarise_round("1")["training"] is None
